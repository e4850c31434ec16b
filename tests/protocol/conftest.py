from hypothesis import settings

settings.register_profile("protocol", max_examples=60, deadline=None)
settings.load_profile("protocol")
