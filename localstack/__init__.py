"""The local stack: runs the product and the stand-ins for Google Cloud on one machine, as one command."""
