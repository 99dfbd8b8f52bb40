/// Random use of the standard library: chunks that return what came of it, one result a line, for a `seed`.
///
/// Left out is what differs between releases of Lua: the texts of a few errors, and `utf8.codes` on bad text,
/// where Lua before 5.4.5 has a bug.
enum RandomUse: String, CaseIterable, Sendable {
  case patterns, strings, tables, utf8

  func chunk(seed: Int) -> String {
    "local seed = \(seed)\n" + RandomUse.common + body + "\nreturn table.concat(lines, '\\n')"
  }

  private var body: String {
    switch self {
    case .patterns: RandomUse.patternUse
    case .strings: RandomUse.stringUse
    case .tables: RandomUse.tableUse
    case .utf8: RandomUse.utf8Use
    }
  }

  private static let common = #"""
    local function below(bound)
      seed = (seed * 6364136223846793005 + 1442695040888963407)
      return (seed >> 33) % bound
    end
    local function pick(list) return list[below(#list) + 1] end
    local function show(value)
      if type(value) == "string" then return "'" .. value:gsub("[^%w%p ]", function(c) return "\\" .. c:byte() end) .. "'" end
      if type(value) == "table" or type(value) == "function" then return type(value) end
      return tostring(value)
    end
    local lines = {}
    local function note(...)
      local shown = table.pack(...)
      for i = 1, shown.n do shown[i] = show(shown[i]) end
      lines[#lines + 1] = table.concat(shown, " ")
    end

    """#

  private static let patternUse = #"""
    local pieces = { "a", "b", "c", ".", "%a", "%d", "%s", "%W", "%p", "%x", "[ab]", "[^a]", "[a-c]", "[%d%s]", "[]]",
      "[^]-]", "(", ")", "()", "%1", "%2", "^", "$", "%b()", "%bab", "%f[%w]", "%f[^a]", "%", "[", "]", "-", "%%",
      "\0", "%z", "\xff", "[\x80-\xff]", "%.", "[%]x]", "[a-]", "(a)", "(.-)" }
    local suffixes = { "", "", "", "", "*", "+", "-", "?" }
    local bytes = { "a", "b", "c", "ab", "ba", " ", "1", "(", ")", ".", "-", "]", "\0", "\xff", "%", "aaa", "x" }
    local replacements = { "", "x", "%0", "%1", "%2", "<%0>", "%%", "%", "%x", "a%1b%0", "%9",
      { a = "A", b = false, c = 7, ab = {} }, function(...) return ... end, function() end,
      function() return {} end, function(a, b) return b end, 5, true, false }
    local function text(list, most)
      local parts = {}
      for i = 1, below(most) do parts[i] = pick(list) end
      return table.concat(parts)
    end
    for _ = 1, 6000 do
      local parts = {}
      for i = 1, below(5) + 1 do parts[i] = pick(pieces) .. pick(suffixes) end
      local pattern, subject = table.concat(parts), text(bytes, 12)
      local init = pick { 1, 1, 1, 0, 2, 5, -1, -3, -100, 100 }
      note(pattern, subject, init)
      note(pcall(string.find, subject, pattern, init))
      note(pcall(string.find, subject, pattern, init, true))
      note(pcall(string.match, subject, pattern, init))
      local replacement, limit = pick(replacements), pick { nil, 1, 2, 0, -1, 100 }
      local ok, result, count = pcall(string.gsub, subject, pattern, replacement, limit)
      note(ok, result, count)
      note(pcall(function()
        local found = {}
        for a, b in string.gmatch(subject, pattern, init) do
          found[#found + 1] = show(a) .. "," .. show(b)
          if #found > 50 then break end
        end
        return table.concat(found, ";")
      end))
    end
    """#

  private static let stringUse = #"""
    local conversions = { "d", "i", "u", "o", "x", "X", "c", "a", "A", "f", "e", "E", "g", "G", "q", "s", "y", "%", "F" }
    local flags = { "", "", "", "-", "+", " ", "#", "0", "-+", "0-", "# ", "5", "05", "-10", "+.3", ".0", ".", ".12",
      "20.10", "99", "100", "099.99", ".100", "1.2.3", "00", "-#5.3" }
    local values = { 0, 1, -1, 42, 65, 255, math.maxinteger, math.mininteger, 0.0, -0.0, 1.5, -2.75, 1e15, 1e100, 1e308,
      5e-324, 1 / 3, math.huge, -math.huge, "", "abc", "a\0b", ("x"):rep(120), "10", "0x1F", "1e2", " 7 ", "nan", true, false,
      "line\nbreak\r\t\"quoted\"\\\1271\1270\200", 3.0, 2^53, 2^63 }
    for _ = 1, 4000 do
      local form = pick { "", "a", "%%" } .. "%" .. pick(flags) .. pick(conversions) .. pick { "", "z", "%d" }
      local value = pick(values)
      note(form, value)
      note(pcall(string.format, form, value, pick(values)))
    end
    note(pcall(string.format, "%s %s", nil, nil)) note(pcall(string.format, "%q %q", nil, true)) note(pcall(string.format))
    note(pcall(string.format, "%s")) note(pcall(string.format, "%d", {})) note(pcall(string.format, "%q", {}))
    note(pcall(string.format, "%")) note(pcall(string.format, "%s", setmetatable({}, { __tostring = function() return "t" end })))
    note(pcall(string.format, "%s", setmetatable({}, { __tostring = function() return {} end })))
    for _ = 1, 1500 do
      local text, count, separator = pick(values), below(12) - 2, pick { nil, "", ",", "--", "\0" }
      note(pcall(string.rep, text, count, separator))
      local name = pick { "upper", "lower", "reverse", "len" }
      note(name, pcall(string[name], text))
      note(pcall(string.sub, text, below(9) - 4, below(9) - 4)) note(pcall(string.byte, text, below(9) - 4, below(9) - 4))
    end
    local packs = { "b", "B", "h", "H", "i3", "I5", "i16", "i17", "j", "T", "f", "d", "n", "s1", "s", "z", "x", "Xi4", "c5", "c0",
      "<", ">", "=", "!4", "!", " ", "c", "q", "i0" }
    for _ = 1, 3000 do
      local form = pick(packs) .. pick(packs) .. pick(packs)
      note(form)
      local ok, packed = pcall(string.pack, form, pick(values), pick(values), pick(values))
      note(ok, packed) note(pcall(string.packsize, form))
      if ok then note(pcall(string.unpack, form, packed)) end
    end
    for _, name in ipairs { "find", "match", "gmatch", "gsub", "rep", "format", "upper", "pack" } do
      note(name, pcall(string[name])) note(name, pcall(string[name], {})) note(name, pcall(string[name], "a", {}))
      note(name, pcall(string[name], "a", "b", {}))
    end
    """#

  private static let tableUse = #"""
    local function list()
      local made = {}
      for i = 1, below(14) do made[i] = below(20) end
      return made
    end
    local log
    local function proxy(of)
      return setmetatable({}, {
        __index = function(_, key) log[#log + 1] = "r" .. show(key) return of[key] end,
        __newindex = function(_, key, value) log[#log + 1] = "w" .. show(key) of[key] = value end,
        __len = function() return #of end,
        __eq = function() return true end,
      })
    end
    local function contents(table_)
      local shown = {}
      for i = 0, 40 do shown[#shown + 1] = show(table_[i]) end
      return table.concat(shown, ",")
    end
    for _ = 1, 4000 do
      log = {}
      local made = list()
      local used = below(3) == 0 and proxy(made) or made
      local a, b, c = below(20) - 3, below(20) - 3, below(20) - 3
      local name = pick { "insert", "insert", "append", "remove", "remove", "pop", "move", "moveTo", "concat", "unpack" }
      note(name, a, b, c, #made)
      if name == "insert" then note(pcall(table.insert, used, a, "new"))
      elseif name == "append" then note(pcall(table.insert, used, "new"))
      elseif name == "remove" then if a ~= #made and (a < 1 or a > #made + 1) then note("skipped") else note(pcall(table.remove, used, a)) end
      elseif name == "pop" then note(pcall(table.remove, used))
      elseif name == "move" then note(pcall(table.move, used, a, b, c))
      elseif name == "moveTo" then
        local other = below(2) == 0 and {} or proxy(list())
        note(pcall(table.move, used, a, b, c, other)) note(contents(other))
      elseif name == "concat" then note(pcall(table.concat, used, pick { nil, ",", "" }, pick { nil, a }, pick { nil, b }))
      else note(pcall(table.unpack, used, pick { nil, a }, pick { nil, b })) end
      note(table.concat(log, " ")) note(contents(made))
    end
    local orders = { nil, function(a, b) return a > b end, function(a, b) return a % 5 < b % 5 end,
      function() return true end, function() return false end, function(a, b) return a <= b end,
      function(a, b) if below(30) == 0 then error("stop", 0) end return a < b end,
      function(a, b) return below(2) == 0 end }
    for _ = 1, 1500 do
      log = {}
      local made, size = {}, pick { 0, 1, 2, 3, 4, 5, 8, 20, 99, 100, 101, 102, 300 }
      local kind = below(4)
      for i = 1, size do made[i] = kind == 0 and i or kind == 1 and -i or below(kind == 2 and 4 or 1000) end
      if below(40) == 0 and size > 0 then made[below(size) + 1] = "odd" end
      note("sort", size, kind)
      note(pcall(table.sort, below(10) == 0 and proxy(made) or made, orders[below(9) + 1]))
      note(table.concat(made, ",")) note(table.concat(log, " "))
    end
    note(pcall(table.insert)) note(pcall(table.insert, {})) note(pcall(table.insert, {}, 1, 2, 3)) note(pcall(table.insert, nil, 1))
    note(pcall(table.remove)) note(pcall(table.move, {}, 1, 2)) note(pcall(table.move, 5, 1, 2, 3)) note(pcall(table.move, {}, 1, 2, 3, 5))
    note(pcall(table.move, {}, 1, 1, math.maxinteger)) note(pcall(table.move, {}, 1, 2, math.maxinteger))
    note(pcall(table.concat)) note(pcall(table.concat, { {} })) note(pcall(table.concat, {}, {})) note(pcall(table.concat, {}, ",", {}))
    note(pcall(table.unpack)) note(pcall(table.unpack, {}, 1, 1e8)) note(pcall(table.unpack, {}, math.mininteger, math.maxinteger))
    note(pcall(table.unpack, {}, math.maxinteger, math.maxinteger)) note(pcall(table.sort)) note(pcall(table.sort, {}, 1))
    note(pcall(table.sort, { 1, 2 }, 1)) note(pcall(table.sort, { 1, "x" })) note(pcall(table.sort, { {}, {} }))
    note(pcall(table.concat, setmetatable({}, { __len = function() return "x" end })))
    note(pcall(table.insert, setmetatable({}, { __len = function() return 2.5 end }), 1))
    note(pcall(table.insert, "text", 1)) note(pcall(table.concat, "text")) note(pcall(table.unpack, "text"))
    """#

  private static let utf8Use = #"""
    local CLEAN = { "a", "\u{e9}", "\u{20ac}", "\u{7fffffff}", "\0", "\xff" }
    local pieces = { "a", "\u{e9}", "\u{20ac}", "\u{10ffff}", "\u{7fffffff}", "\u{d800}", "\x80", "\xbf", "\xc0\x80", "\xff", "\0", "\xe2\x82", "\u{110000}", "\xfe", "\xf0\x80\x80\x80" }
    for _ = 1, 4000 do
      local parts = {}
      for i = 1, below(6) do parts[i] = pick(pieces) end
      local text = table.concat(parts)
      local a, b, lax = pick { nil, below(12) - 4 }, pick { nil, below(12) - 4 }, below(2) == 0
      note(text, a, b, lax)
      note(pcall(utf8.len, text, a, b, lax))
      note(pcall(utf8.codepoint, text, a, b, lax))
      note(pcall(utf8.offset, text, below(9) - 4, a))
      note(pcall(utf8.offset, text, below(9) - 4))
    end
    for _ = 1, 500 do
      local parts = {}
      for i = 1, below(6) do parts[i] = pick(CLEAN) end
      note(pcall(function()
        local found = {}
        for at, code in utf8.codes(table.concat(parts), true) do found[#found + 1] = at .. ":" .. code end
        return table.concat(found, " ")
      end))
      note(pcall(utf8.char, table.unpack { pick { 0, 65, 0x7f, 0x80, 0x7ff, 0x800, 0xffff, 0x10000, 0x7fffffff, -1, 1 << 31, "66", "x", 1.5 }, below(70000), below(200) }))
    end
    note(utf8.charpattern) note(utf8.char()) note(pcall(utf8.len)) note(pcall(utf8.codes)) note(pcall(utf8.char, {}))
    """#
}
