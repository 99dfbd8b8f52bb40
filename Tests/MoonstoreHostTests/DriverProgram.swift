/// A driver that uses state at random beside a model of plain tables, for `FuzzDriverTests`.
///
/// Each of its calls is a turn of its own, so that what it gets back has outlived the turn that made it. It keeps
/// parts that have left the state, ends stores, waits for reloads (`sleep(7.5)`, which the test turns into one), and
/// makes garbage, so that collections come in the middle of everything.
enum DriverProgram {
  static func rows(version: Int) -> String {
    """
    -- version \(version)
    return defineStore("rows", {
      permissions = { "read", "write", "call" },
      state = function() return { list = array(), map = map(), a = \(1) } end,
      getters = { first = function(self) return self.list and self.list[1] end },
      actions = { echo = function(self, ...) return ... end },
    })
    """
  }

  static let text = #"""
    local seed, steps = ...
    local function pick(bound)
      seed = seed * 6364136223846793005 + 1442695040888963407
      return (seed >> 33) % bound + 1
    end
    local history = {}
    local function fail(what) error(what .. " after " .. table.concat(history, " "), 0) end

    -- The model: a part is { list = whether it is one, v = its values }.
    local keys = { "a", "b", "c", "a name that is longer than what Lua interns as one" }
    local value
    local function part(depth, list)
      local made = { list = list, v = {} }
      for i = 1, pick(4) - 1 do made.v[list and i or keys[pick(#keys)]] = value(depth - 1) end
      return made
    end
    function value(depth)
      local kind = pick(depth > 0 and 8 or 5)
      if kind == 1 then return pick(9) end
      if kind == 2 then return pick(9) / 4 end
      if kind == 3 then return pick(2) == 1 end
      if kind == 4 then return ("é"):rep(pick(30)) end
      if kind == 5 then return "\xff" .. pick(9) end
      return part(depth, kind < 8)
    end
    local function build(node)
      if type(node) ~= "table" then return node end
      local made = {}
      for key, each in pairs(node.v) do made[key] = build(each) end
      return node.list and array(made) or map(made)
    end
    local function clone(node)
      if type(node) ~= "table" then return node end
      local copy = { list = node.list, v = {} }
      for key, each in pairs(node.v) do copy.v[key] = clone(each) end
      return copy
    end
    local function size(node)
      local count = 1
      if type(node) == "table" then for _, each in pairs(node.v) do count = count + size(each) end end
      return count
    end
    local function check(found, node, what)
      if type(node) ~= "table" then
        if found ~= node or math.type(found) ~= math.type(node) then
          fail(what .. ": " .. tostring(found) .. " instead of " .. tostring(node))
        end
        return
      end
      local count, expected = 0, 0
      for _ in pairs(node.v) do expected = expected + 1 end
      if node.list then
        if #found ~= #node.v then fail(what .. ": #" .. #found .. " instead of " .. #node.v) end
        for index, each in ipairs(found) do
          count = count + 1
          check(each, node.v[index], what .. "[" .. index .. "]")
        end
      else
        for key, each in pairs(found) do
          count = count + 1
          check(each, node.v[key], what .. "." .. tostring(key))
        end
      end
      if count ~= expected then fail(what .. ": " .. count .. " elements instead of " .. expected) end
    end

    local kept = {}
    local function keep(found, node)
      if type(node) ~= "table" then return end
      kept[#kept < 40 and #kept + 1 or pick(40)] = { found, node }
    end
    local function define()
      local node = { list = false, v = { list = part(2, true), map = part(2, false), a = 1 } }
      local store = defineStore("own", {
        state = function() return { list = build(node.v.list), map = build(node.v.map), a = 1 } end,
        getters = { first = function(self) return self.list and self.list[1] end },
        actions = { echo = function(self, ...) return ... end },
      })
      return { store, node }
    end
    local rows = useStore("rows")
    store.reset(rows)
    local roots = {
      define(), { rows, { list = false, v = { list = part(0, true), map = part(0, false), a = 1 } } },
    }
    roots[2][2].v.list.v, roots[2][2].v.map.v = {}, {}
    local heard
    bus.subscribe("note", function(message) heard = message.payload.part end)

    local function reaches(node, wanted)
      if node == wanted then return true end
      if type(node) ~= "table" then return false end
      for _, each in pairs(node.v) do if reaches(each, wanted) then return true end end
      return false
    end
    local function stands(node)
      return reaches(roots[1][2], node) or reaches(roots[2][2], node)
    end

    -- A part, or a store, and its model.
    local function find()
      local found = pick(4) == 1 and #kept > 0 and kept[pick(#kept)] or roots[pick(2)]
      local at, node = found[1], found[2]
      for _ = 1, pick(4) - 1 do
        local inside = {}
        for key, each in pairs(node.v) do if type(each) == "table" then inside[#inside + 1] = key end end
        if #inside == 0 then break end
        table.sort(inside, function(a, b) return tostring(a) < tostring(b) end)
        local key = inside[pick(#inside)]
        at, node = at[key], node.v[key]
        if at == nil then fail("a part is missing") end
      end
      return at, node
    end
    -- Makes a change by the state, and then in the model; what stands nowhere cannot be changed.
    local function change(node, by, model)
      local ok, result = pcall(by)
      if ok then return model(result) end
      if stands(node) then fail("refused: " .. tostring(result)) end
    end

    local ops = {}
    function ops.insert(at, node)
      if not node.list then return end
      local new, place = value(2), pick(#node.v + 1)
      change(node, function() table.insert(at, place, build(new)) end, function()
        table.insert(node.v, place, new)
      end)
    end
    function ops.append(at, node)
      if not node.list then return end
      local new = value(2)
      change(node, function() table.insert(at, build(new)) end, function() table.insert(node.v, new) end)
    end
    function ops.remove(at, node)
      if not node.list or #node.v == 0 then return end
      local place = pick(3) == 1 and #node.v or pick(#node.v)
      change(node, function() return table.remove(at, place) end, function(found)
        local removed = table.remove(node.v, place)
        check(found, removed, "removed")
        keep(found, removed)
      end)
    end
    function ops.assign(at, node)
      local key = node.list and pick(#node.v + 1) or keys[pick(#keys)]
      local new = value(2)
      if not node.list and pick(4) == 1 then new = nil end
      change(node, function() at[key] = build(new) end, function() node.v[key] = new end)
    end
    function ops.assignPart(at, node)
      local other, model = find()
      if node == roots[1][2] or node == roots[2][2] or model == roots[1][2] or model == roots[2][2] then return end
      if size(model) > 60 then return end
      local key = node.list and pick(#node.v + 1) or keys[pick(#keys)]
      if node.v[key] == model then return end
      local new = clone(model)
      change(node, function() at[key] = other end, function() node.v[key] = new end)
    end
    function ops.sort(at, node)
      if not node.list or #node.v < 2 then return end
      local before, salt = {}, pick(7)
      for index, each in ipairs(at) do before[index] = each end
      local function weight(each)
        local text = type(each) == "string" and each or type(each) == "number" and tostring(each) or ""
        return #text * salt % 11
      end
      change(node, function() table.sort(at, function(a, b) return weight(a) < weight(b) end) end, function()
        local order, used = {}, {}
        for index = 1, #before do
          local now = at[index]
          for old, each in ipairs(before) do
            if not used[old] and rawequal(each, now) and math.type(each) == math.type(now) then
              used[old], order[index] = true, node.v[old]
              break
            end
          end
          if order[index] == nil then fail("sorted: an element is another") end
        end
        node.v = order
      end)
    end
    function ops.move(at, node)
      if not node.list or #node.v == 0 or size(node) > 100 then return end
      local first = pick(#node.v)
      local last = first + pick(#node.v - first + 1) - 1
      local to = pick(#node.v + 1)
      if to == first or (to > first and to <= last and to + last - first > #node.v) then return end
      if not stands(node) then return end
      table.move(at, first, last, to)
      local forwards = to > last or to <= first
      for step = 0, last - first do
        local index = forwards and step or last - first - step
        node.v[to + index] = clone(node.v[first + index])
      end
    end
    function ops.read(at, node)
      if node.list then
        local found = table.pack(table.unpack(at))
        if found.n ~= #node.v then fail("unpacked " .. found.n) end
        for index = 1, found.n do
          check(found[index], node.v[index], "unpacked")
          if pick(3) == 1 then keep(found[index], node.v[index]) end
        end
        local plain = true
        for _, each in ipairs(node.v) do
          plain = plain and (type(each) == "string" or type(each) == "number")
        end
        if plain and table.concat(at, ",") ~= table.concat(node.v, ",") then fail("concat") end
      else
        for key, each in pairs(at) do
          if pick(3) == 1 then keep(each, node.v[key]) end
        end
      end
    end
    function ops.copy(at, node)
      if node == roots[1][2] or node == roots[2][2] then return end
      check(store.copy(at), node, "copied")
      local ok, raised = pcall(error, at)
      check(raised, node, "raised")
      bus.send("note", { part = at })
      check(heard, node, "sent")
      pcall(json.encode, at)
    end
    function ops.call(at, node)
      local root = roots[pick(2)]
      local owner, part = root[1], root[2]
      if node ~= roots[1][2] and node ~= roots[2][2] then
        local first, found = owner:echo(1, at)
        check(found, node, "returned")
        keep(found, node)
      end
      local list = part.v.list
      if type(list) ~= "table" or not list.list then return end
      check(owner.first, list.v[1], "gotten")
      keep(owner.first, list.v[1])
    end
    function ops.replace(at, node)
      local root = roots[pick(2)]
      local new = part(3, true)
      keep(root[1].list, root[2].v.list)
      if pick(2) == 1 then
        root[1].list = build(new)
      else
        store.patch(root[1], function(state) state.list = build(new) end)
      end
      root[2].v.list = new
    end
    function ops.dispose()
      keep(roots[1][1].list, roots[1][2].v.list)
      keep(roots[1][1].map, roots[1][2].v.map)
      local echo, gone = roots[1][1].echo, roots[1][1]
      store.dispose(roots[1][1])
      if pcall(echo, 1) or pcall(function() return gone.list end) then fail("disposed, and there") end
      roots[1] = define()
    end
    function ops.garbage() return ("x"):rep(1 << (10 + pick(10))) end

    local inside = false
    local names = {}
    for name in pairs(ops) do names[#names + 1] = name end
    table.sort(names)
    local function step()
      local name = names[pick(#names)]
      if inside and (name == "dispose" or name == "copy") then return end
      history[#history + 1] = name
      if #history > 12 then table.remove(history, 1) end
      ops[name](find())
      for _, root in ipairs(roots) do
        if size(root[2]) > 400 then
          root[1].list = array()
          root[2].v.list = { list = true, v = {} }
          root[1].map = map()
          root[2].v.map = { list = false, v = {} }
        end
      end
    end
    function ops.transaction()
      if inside then return end
      -- What the parts of the model hold now, for the case that it fails.
      local before, known = {}, { table.unpack(kept) }
      local function note(node)
        if type(node) ~= "table" or before[node] then return end
        before[node] = table.move(node.v, 1, #node.v, 1, {})
        for key, each in pairs(node.v) do
          before[node][key] = each
          note(each)
        end
      end
      for _, root in ipairs(roots) do note(root[2]) end
      for _, each in ipairs(kept) do note(each[2]) end
      local fails = pick(2) == 1
      inside = true
      local ok, message = pcall(transaction, function()
        for _ = 1, pick(5) do step() end
        if fails then error("undone", 0) end
      end)
      inside = false
      if ok == fails or (fails and message ~= "undone") then fail("transaction: " .. tostring(message)) end
      if not fails then return end
      for node, values in pairs(before) do node.v = values end
      kept = known
    end
    function ops.reload()
      if not inside then sleep(7.5) end
    end
    names = {}
    for name in pairs(ops) do if name ~= "reload" then names[#names + 1] = name end end
    table.sort(names)

    for number = 1, steps do
      step()
      if number % 15 == 0 then
        for _, root in ipairs(roots) do check(root[1], root[2], "state") end
        for index, each in ipairs(kept) do check(each[1], each[2], "kept " .. index) end
      end
      if number % 60 == 0 then ops.reload() end
    end
    return steps
    """#
}
