"""Cloud Tasks v2 over gRPC.

As in routes.py, each method only translates between a request and one operation of the service.
"""

from typing import Any

from google.cloud import tasks_v2
from google.longrunning import operations_pb2

from localcloud.rpc import Method, locations
from localcloud.tasks import listing, names, wire
from localcloud.tasks.batches import Batches
from localcloud.tasks.dispatcher import Dispatcher
from localcloud.tasks.service import Service


def services(service: Service, dispatcher: Dispatcher, batches: Batches) -> dict[str, dict[str, Method]]:
    return {
        "google.cloud.tasks.v2.CloudTasks": _tasks(service, dispatcher)
        | {
            "BatchCreateTasks": (wire.BatchCreateTasksRequest, batches.create),
            "BatchDeleteTasks": (wire.BatchDeleteTasksRequest, batches.delete),
        },
        "google.longrunning.Operations": {
            "GetOperation": (operations_pb2.GetOperationRequest, lambda r: batches.operation(r.name)),
        },
        **locations(names.location_name, lambda project: listing.locations(service, project)),
    }


def _tasks(service: Service, dispatcher: Dispatcher) -> dict[str, Method]:
    def create_task(request: Any) -> Any:
        return wire.show_task(service.create_task(request.parent, request.task), request.response_view)

    def run_task(request: Any) -> Any:
        service.task(request.name)  # NOT_FOUND for one that does not exist
        return wire.show_task(dispatcher.force(request.name), request.response_view)

    return {
        "CreateQueue": (tasks_v2.CreateQueueRequest.pb(), lambda r: service.create_queue(r.parent, r.queue)),
        "UpdateQueue": (tasks_v2.UpdateQueueRequest.pb(), lambda r: service.update_queue(r.queue, r.update_mask.paths)),
        "GetQueue": (tasks_v2.GetQueueRequest.pb(), lambda r: service.queue(r.name)),
        "ListQueues": (wire.ListQueuesRequest, lambda r: listing.queues_page(service, r)),
        "DeleteQueue": (tasks_v2.DeleteQueueRequest.pb(), lambda r: service.delete_queue(r.name)),
        "PauseQueue": (tasks_v2.PauseQueueRequest.pb(), lambda r: service.pause_queue(r.name)),
        "ResumeQueue": (tasks_v2.ResumeQueueRequest.pb(), lambda r: service.resume_queue(r.name)),
        "PurgeQueue": (tasks_v2.PurgeQueueRequest.pb(), lambda r: service.purge_queue(r.name)),
        "CreateTask": (wire.CreateTaskRequest, create_task),
        "GetTask": (tasks_v2.GetTaskRequest.pb(), lambda r: wire.show_task(service.task(r.name), r.response_view)),
        "ListTasks": (wire.ListTasksRequest, lambda r: listing.tasks_page(service, r)),
        "DeleteTask": (tasks_v2.DeleteTaskRequest.pb(), lambda r: service.delete_task(r.name)),
        "RunTask": (wire.RunTaskRequest, run_task),
    }
