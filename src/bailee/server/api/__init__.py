"""The HTTP API of one party's folder (docs/api.md). The way of a request:

application   everything together          bodies     sizes and times, before anything is read
gate          who is it, may they          routes     a route declares its roles, or is not registered
callers       keys and their roles         challenges, tokens    signing in; rights that only weaken
once          writing twice                problems   errors as problem+json
pages streams shelf course                 what the resources share
resources/    the calls                    jobs, checker, archives   checking strangers' papers
health logs metrics pace limits            running it        serving   with uvicorn
"""
