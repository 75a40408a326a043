"""A door that answers against payment: HTTP 402 with x402, over `bailee.settle`.

application.py   requests, payments, answers     predictions.py   what is sold: predictions of a published model
serving.py       with uvicorn, until it is stopped
"""
