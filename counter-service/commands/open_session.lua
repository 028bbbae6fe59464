#!lua
-- Makes a session, in one step with the end of its life. Sent once: executed again, later, it would revive a session
-- that has expired, without its records.
--
-- KEYS  session hash, of a name never used before
-- ARGV  1 its life, ms
redis.call('HSET', KEYS[1], 'o', '1')
return redis.call('PEXPIRE', KEYS[1], ARGV[1])
