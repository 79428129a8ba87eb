"""The whole local stack as one command: started, provisioned, kept alive and stopped without a trace."""
