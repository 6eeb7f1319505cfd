"""The handlers of the API, one module for each part of it. A handler takes an `ApiRequest` and returns an
`ApiResponse`.
"""
