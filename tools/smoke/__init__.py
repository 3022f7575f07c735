"""What `test_api.py` is made of. It runs on any Python from 3.9 on, with the standard library alone, but for `grpc_face`."""
