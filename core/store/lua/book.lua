-- Book what was spent beside a turn.
-- KEYS  all that the bill names   ARGV  1 the bill (JSON, see bill.lua)
return pay(ARGV[1])
