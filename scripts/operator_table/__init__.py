"""The operator table: what becomes of ONNX's own operator models, gathered as data and written as a page."""
