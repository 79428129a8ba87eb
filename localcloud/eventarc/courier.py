"""One delivery of one event to one destination. Knows nothing of backoff or bookkeeping."""

import asyncio
import json

import httpx

from localcloud.eventarc.events import CloudEvent, binary_mode, structured_mode
from localcloud.eventarc.triggers import Service, Trigger, Workflow
from localcloud.identity import Identity
from localcloud.outgoing import Outcome

# An event must be acknowledged within ten minutes.
_ACK_DEADLINE_S = 600.0
_USER_AGENT = "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)"


class HttpDelivery:
    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._client = httpx.AsyncClient(trust_env=False, timeout=None)  # noqa: S113 - see deliver()

    async def close(self) -> None:
        await self._client.aclose()

    async def deliver(self, trigger: Trigger, event: CloudEvent) -> Outcome:
        try:
            async with asyncio.timeout(_ACK_DEADLINE_S):
                headers, body = await self._spelled(trigger, event)
                answer = await self._client.post(
                    trigger.destination.url, content=body, headers={"User-Agent": _USER_AGENT, **headers}
                )
        except Exception as exc:  # noqa: BLE001 - whatever goes wrong on the way is an attempt without an answer
            return Outcome(None, trouble=repr(exc))
        return Outcome(answer.status_code)

    async def _spelled(self, trigger: Trigger, event: CloudEvent) -> tuple[dict[str, str], bytes]:
        match trigger.destination:
            case Service(audience=audience):
                headers, body = binary_mode(event)
                token = await self._identity.id_token(audience, trigger.account) if trigger.account else None
            case Workflow():
                headers = {"Content-Type": "application/json"}
                body = json.dumps({"argument": json.dumps(structured_mode(event))}).encode()
                token = await self._identity.access_token(trigger.account) if trigger.account else None
        return {**headers, **({"Authorization": f"Bearer {token}"} if token else {})}, body
