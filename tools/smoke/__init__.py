"""What `test_api.py` is made of: runs on Python 3.9 and later with the standard library alone, but for `grpc_face`."""
