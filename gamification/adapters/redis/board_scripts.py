"""What happens to one board at once, inside Redis: compare its position, then write or refuse.

A board's position says: every change up to this id is in the board; newer values may be in it
too. So whoever writes current totals under a position that is not below the board's keeps that
true, however late the command arrives, and a zombie's older write is refused. The position also
counts the members, so that a board that lost its content is found although its position is left.
"""

from typing import Final

_KEPT: Final = """
-- The id up to which the board is complete; 'none' when there is nothing at all; 'lost' when
-- what there is cannot be trusted.
local function kept(position, board, format, epoch)
  local said = redis.pcall('HMGET', position, 'format', 'epoch', 'id', 'members')
  local held = redis.pcall('ZCARD', board)
  if said.err or type(held) ~= 'number' then return 'lost' end
  if not said[1] and not said[3] then
    if held == 0 then return 'none' end
    return 'lost'
  end
  if said[1] ~= format or said[2] ~= epoch or tonumber(said[4]) ~= held then return 'lost' end
  return tonumber(said[3])
end

-- By this server's clock, which is the one that takes the keys away.
local function over(expires_s)
  return expires_s > 0 and tonumber(redis.call('TIME')[1]) >= expires_s
end

local function mark(position, board, format, epoch, id, expires_s)
  local held = redis.call('ZCARD', board)
  redis.call('HSET', position, 'format', format, 'epoch', epoch, 'id', id, 'members', held)
  if expires_s > 0 then
    redis.call('EXPIREAT', position, expires_s)
    redis.call('EXPIREAT', board, expires_s)
  end
end
"""

_PUT: Final = """
-- `totals` is 'score member score member ...'; a score of 0 is no place on a board.
local function put(board, totals)
  local adds, drops = {}, {}
  for score, member in string.gmatch(totals, '(%d+) (%S+)') do
    if score == '0' then
      drops[#drops + 1] = member
    else
      adds[#adds + 1] = score
      adds[#adds + 1] = member
    end
    if #adds == 1000 then redis.call('ZADD', board, unpack(adds)); adds = {} end
    if #drops == 1000 then redis.call('ZREM', board, unpack(drops)); drops = {} end
  end
  if #adds > 0 then redis.call('ZADD', board, unpack(adds)) end
  if #drops > 0 then redis.call('ZREM', board, unpack(drops)) end
end
"""

APPLY: Final = (
    _KEPT
    + _PUT
    + """
local position, board = KEYS[1], KEYS[2]
local format, epoch, totals = ARGV[1], ARGV[2], ARGV[6]
local expected, id, expires_s = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
if over(expires_s) then return 'expired' end
local at = kept(position, board, format, epoch)
if at == 'lost' then return 'lost' end
if at == 'none' then
  if expected then return 'lost' end
elseif at > id then
  return 'ahead'
elseif expected and at < expected then
  return 'lost'
end
redis.call('HSET', position, 'format', format) -- a full server refuses here, before anything moved
put(board, totals)
mark(position, board, format, epoch, ARGV[4], expires_s)
return 'written'
"""
)
"""KEYS position, board; ARGV format, epoch, expected id or '', id, expires_s, totals."""

STAGE: Final = (
    _PUT
    + """
put(KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])
"""
)
"""KEYS building; ARGV totals, seconds after which an abandoned build goes away."""

PUBLISH: Final = (
    _KEPT
    + """
local position, board, building = KEYS[1], KEYS[2], KEYS[3]
local format, epoch = ARGV[1], ARGV[2]
local id, staged, expires_s = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local answer
local at = kept(position, board, format, epoch)
if over(expires_s) then
  answer = 'expired'
elseif redis.call('ZCARD', building) ~= staged then
  answer = 'lost' -- emptied while it was built
elseif type(at) == 'number' and at > id then
  answer = 'ahead'
end
if answer then
  redis.call('UNLINK', building)
  return answer
end
if at == 'lost' then redis.call('UNLINK', position) end
redis.call('HSET', position, 'format', format) -- a full server refuses here, before anything moved
redis.call('UNLINK', board)
if staged > 0 then
  redis.call('PERSIST', building)
  redis.call('RENAME', building, board)
end
mark(position, board, format, epoch, ARGV[3], expires_s)
return 'written'
"""
)
"""KEYS position, board, building; ARGV format, epoch, id, members staged, expires_s."""

CHECK: Final = (
    _KEPT
    + """
if over(tonumber(ARGV[4])) then return 'expired' end
local at = kept(KEYS[1], KEYS[2], ARGV[1], ARGV[2])
if type(at) == 'number' and at >= tonumber(ARGV[3]) then return 'written' end
return 'lost'
"""
)
"""KEYS position, board; ARGV format, epoch, expected id, expires_s."""

DROP: Final = """
if redis.call('HGET', KEYS[1], 'epoch') == ARGV[1] then return 0 end
return redis.call('UNLINK', KEYS[1], KEYS[2])
"""
"""KEYS position, board; ARGV epoch: what another epoch left is taken away."""
