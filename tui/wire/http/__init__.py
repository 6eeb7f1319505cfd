"""What a request needs besides httpcore: addresses, proxies and certificate authorities, as the environment names them.

httpx, which has all of this too, costs 20 ms of each start and 3 MB: half of it for cookies and mails, which no request
of ours has.
"""
