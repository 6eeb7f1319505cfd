"""The parts of a request besides httpcore: addresses, proxies and certificate authorities of the environment.

httpx, which has all of this too, costs 20 ms of each start and 3 MB: half of it for cookies and mails, which no request
of ours has.
"""
