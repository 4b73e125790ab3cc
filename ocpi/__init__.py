"""The OCPI protocol: what is said (`wire`), how other versions say it (`versions`), how it arrives (`server`) and how it is
sent (`client`). Knows nothing of any table of the business; never imports `backoffice`.
"""
