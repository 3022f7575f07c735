"""Redis (or Valkey), for whatever is shared by all replicas."""

from services.redis_link.link import RedisAway, RedisLink, Script, namespace_of
from services.redis_link.versions import note_version

__all__ = ["RedisAway", "RedisLink", "Script", "namespace_of", "note_version"]
