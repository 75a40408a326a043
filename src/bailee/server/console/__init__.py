"""The console: a party's folder in the browser, rendered here, acting with the folder's own key.

application.py  every page behind the door         context.py    what the pages work with
access.py       one-time links, sessions           door.py       host, origin, cookie, headers: before any page
posting.py      forms that are checked             streams.py    parts of a page that stay current
rendering.py    facts -> page                      words.py      two languages
tasks.py        what takes longer than a request   serving.py    uvicorn
pages/          a module each with ROUTES          templates/, static/, locales/

A page gathers facts by a function of `bailee.party`, which knows nothing of pages, and renders them. docs/console.md
says who gets in, and what is promised.
"""
