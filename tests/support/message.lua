-- HTTP messages, as far as tests read and write them: one function each way.
local message = {}

-- Splits what came in: nil while it is not complete, else { first =, headers = (names in lower case), body = }
-- and the number of bytes it took. Without a length an answer ends when the connection does (`is_closed`), and
-- a request has no body.
function message.read(bytes, is_answer, is_closed)
  local head_end, body_start = bytes:match("()\r\n\r\n()")
  if not head_end then
    return nil
  end
  local result = { headers = {} }
  for line in (bytes:sub(1, head_end - 1) .. "\r\n"):gmatch("(.-)\r\n") do
    local name, value = line:match("^([^:%s]+):%s*(.-)%s*$")
    if not result.first then
      result.first = line
    elseif name then
      result.headers[name:lower()] = value
    end
  end
  if result.first:match("^HTTP/1%.1 1%d%d") then
    local after, taken = message.read(bytes:sub(body_start), is_answer, is_closed)
    return after, taken and taken + body_start - 1
  end
  local length = tonumber(result.headers["content-length"])
  if (result.headers["transfer-encoding"] or ""):lower() == "chunked" then
    return message.read_chunks(result, bytes, body_start)
  elseif not length and is_answer and not result.first:match("^HTTP/1%.%d [23]04") then
    if not is_closed then
      return nil
    end
    length = #bytes - body_start + 1
  end
  length = length or 0
  result.body = bytes:sub(body_start, body_start + length - 1)
  if #result.body < length then
    return nil
  end
  return result, body_start + length - 1
end

function message.read_chunks(result, bytes, start)
  local parts = {}
  while true do
    local size, data = bytes:match("^(%x+)[^\r\n]*\r\n()", start)
    size = size and tonumber(size, 16)
    if not size or #bytes < data + size + 1 then
      return nil
    end
    parts[#parts + 1] = bytes:sub(data, data + size - 1)
    start = data + size + 2
    if size == 0 then
      result.body = table.concat(parts)
      return result, start - 1
    end
  end
end

-- The text of a message: its first line, headers by name, and the body with its length.
function message.write(first, headers, body)
  local lines, has_length = { first }, false
  for name, value in pairs(headers) do
    lines[#lines + 1] = ("%s: %s"):format(name, value)
    has_length = has_length or name:lower() == "content-length"
  end
  if body and not has_length then
    lines[#lines + 1] = "Content-Length: " .. #body
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")
end

return message
