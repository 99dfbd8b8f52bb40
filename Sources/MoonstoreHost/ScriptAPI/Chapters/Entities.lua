-- Stores of things that a server keeps: what `factories.entity()` makes of a configuration. Gives the
-- factory's words for one script.
local tools, schemas = ...
local native = tools.native

local function refuse(code, message, ...) native.fail(code, message:format(...)) end

-- Ids are texts or whole numbers, and what a person would write alike is alike: 1, 1.0 and "1".
local function keyOf(id)
  if math.type(id) == "float" then id = math.tointeger(id) end
  if math.type(id) == "integer" then return tostring(id) end
  if type(id) == "string" and id ~= "" then return id end
  return nil
end

local function positionOf(entity, items, id)
  local wanted = keyOf(id)
  if not wanted then return nil end
  for index, item in ipairs(items) do
    if keyOf(item[entity.idField]) == wanted then return index, item end
  end
  return nil
end

local function messageOf(err)
  if type(err) == "string" then return err end
  return err.message or tostring(err)
end

-- Requests. Which are under way is state, so that it is undone, reset and kept at a reload as state is.

-- An answer that is no success: a table, so that scripts can ask for `err.status`.
local StatusError = markData { -- luacheck: globals markData
  __tostring = function(err) return err.message end, __name = "status error", __metatable = false,
}

local function short(text)
  text = text:match("^%s*(.-)%s*$")
  return #text > 200 and text:sub(1, 200) .. "..." or text
end

-- What the server itself says is wrong, in the forms that are common.
local function reasonOf(response)
  local isJSON, data = pcall(response.json, response)
  if not isJSON then return utf8.len(response.body) and short(response.body) or "" end
  if type(data) ~= "table" then return type(data) == "string" and short(data) or "" end
  local inner = type(data.error) == "table" and data.error or data
  for _, field in ipairs { "message", "error", "detail", "title" } do
    if type(inner[field]) == "string" then return short(inner[field]) end
  end
  return ""
end

local function send(entity, method, url, options)
  local http = entity.script.env.http
  if not http then
    local server = url:match("^%a+://([^/]+)")
    refuse(
      "permissionDenied", "%s: this host lets scripts reach no servers; whoever runs it can grant '%s' "
        .. "(moonstore run --allow-http %s, or HostConfiguration.http)", entity.id, server, server
    )
  end
  local headers = { accept = "application/json" }
  local given = entity.headers
  if type(given) == "function" then given = given() end
  for name, value in pairs(given or {}) do
    if type(name) == "string" then name = name:lower() end
    headers[name] = value
  end
  options.method, options.url, options.headers = method, url, headers
  local response = http.request(options)
  if response.ok then return response end
  local reason = reasonOf(response)
  local message = ("%s %s answered %d"):format(method, url, response.status)
  error(setmetatable({
    code = "status", status = response.status, reason = reason,
    message = reason == "" and message or message .. ": " .. reason,
  }, StatusError), 0)
end

local Underway = {}
Underway.__index = Underway

local function begin(self, isFetch)
  local id = native.nextID("request")
  table.insert(self.requests, { id = id, isFetch = isFetch, isStale = false, changes = array() })
  self.loading, self.error = true, null
  return setmetatable({ store = self, id = id }, Underway)
end

-- Takes the request out of those under way. Gives nil when the store was reset since it began.
function Underway:finish(hasAnswer)
  if self.isFinished then return nil end
  self.isFinished = true
  local requests = self.store.requests
  for index, request in ipairs(requests) do
    if request.id == self.id then
      local finished = native.copy(request)
      if hasAnswer and finished.isFetch then
        for earlier = 1, index - 1 do requests[earlier].isStale = true end
      end
      table.remove(requests, index)
      self.store.loading = #requests > 0
      return finished
    end
  end
  return nil
end

-- A request that was cancelled is over too, but has answered nothing.
function Underway:__close() self:finish(false) end

-- Items.

local function checkItem(entity, item, path, where)
  if type(item) ~= "table" or schemas.isList(item) and next(item) ~= nil then
    refuse("unexpectedAnswer", "%s: %s where a %s should be", where, path, entity.entityName)
  end
  if not keyOf(item[entity.idField]) then
    refuse(
      "unexpectedAnswer", "%s: %s has no '%s' that is a text or a whole number", where, path, entity.idField
    )
  end
  local fault = entity.check and entity.check(item, path)
  if fault then refuse("unexpectedAnswer", "%s: %s", where, fault) end
end

local function addressOf(entity, id)
  local key = keyOf(id)
  if not key or key == "." or key == ".." then
    refuse("invalidArgument", "the id of a %s is a text or a whole number", entity.entityName)
  end
  local encoded = key:gsub("[^%w%-._~]", function(char) return ("%%%02X"):format(char:byte()) end)
  return entity.apiEndpoint .. "/" .. encoded
end

-- What is sent, as a copy of plain data.
local function outgoing(entity, given, isMissing)
  local item = type(given) ~= "string" and type(given) ~= "number" and native.copy(given)
  if type(item) ~= "table" or schemas.isList(item) and next(item) ~= nil then
    refuse("invalidArgument", "a %s must be a table of its fields", entity.entityName)
  end
  local fault = entity.check and entity.check(item, entity.entityName, isMissing)
  if fault then refuse("invalidArgument", "%s", fault) end
  return map(item)
end

local function incoming(entity, response, method, url)
  if response.body == "" then return nil end
  local item = response:json()
  checkItem(entity, item, entity.entityName, method .. " " .. url)
  return item
end

local function put(entity, items, item)
  local index = positionOf(entity, items, item[entity.idField])
  items[index or #items + 1] = item
  return index == nil
end

-- Answers that are still to come were asked for before this, and must not take it back.
local function note(self, id, item)
  for _, request in ipairs(self.requests) do
    if request.isFetch then table.insert(request.changes, { id = id, item = item or null }) end
  end
end

-- Runs a request that changes something on the server; what goes wrong is kept as the error and raised.
local function change(self, body, ...)
  local underway <close> = begin(self, false)
  local ok, result = pcall(body, self, ...)
  local request = underway:finish(true)
  if ok then return result, request ~= nil end
  self.error = messageOf(result)
  native.commit()
  error(result, 0)
end

-- Fetching.

-- Of JSON it is known whether an empty table is a list.
local function isAnswer(value)
  return schemas.isList(value) and (next(value) ~= nil or native.jsonEncode(value) == "[]")
end

local function fetch(entity, self, query)
  local url = entity.apiEndpoint
  local data = send(entity, "GET", url, { query = query }):json()
  local where = "GET " .. url
  local list, path = data, "[%d]"
  if not isAnswer(data) then list, path = type(data) == "table" and data.items, "items[%d]" end
  if not isAnswer(list) then
    refuse("unexpectedAnswer", "%s: the answer is neither a list nor a table with 'items'", where)
  end
  for index, item in ipairs(list) do checkItem(entity, item, path:format(index), where) end
  local pagination = list ~= data and data.pagination
  if pagination and pagination ~= null then
    for _, name in ipairs { "page", "limit", "total" } do
      local value = pagination[name]
      if value ~= nil and value ~= null and not math.type(value) then
        refuse("unexpectedAnswer", "%s: pagination.%s is no number", where, name)
      end
    end
  end
  return { list = list, pagination = pagination or nil }
end

-- Each item once, where it first stood, as it came last.
local function merged(entity, list, changes)
  local items, places = array(), {}
  local function add(item)
    local key = keyOf(item[entity.idField])
    places[key] = places[key] or #items + 1
    items[places[key]] = item
  end
  for _, item in ipairs(list) do add(item) end
  for _, made in ipairs(changes) do
    if made.item ~= null then
      add(made.item)
    elseif places[made.id] then
      table.remove(items, places[made.id])
      places = {}
      for index, item in ipairs(items) do places[keyOf(item[entity.idField])] = index end
    end
  end
  return items
end

local function show(entity, self, answer, changes, query)
  local items = merged(entity, answer.list, changes)
  self.items = items
  local pagination = self.pagination
  if answer.pagination and answer.pagination ~= null then
    for name, value in pairs(answer.pagination) do
      if value ~= null then pagination[name] = value end
    end
    return
  end
  local page, limit = tonumber(query.page), tonumber(query.limit)
  if page then pagination.page = math.tointeger(page) or page end
  if limit then pagination.limit = math.tointeger(limit) or limit end
  -- A server that does not count: what is known to be there.
  local known = page and limit and math.tointeger((page - 1) * limit) or 0
  known = known + #items
  local isLast = not limit or #items < limit
  pagination.total = isLast and known or math.max(pagination.total, known)
end

local function queryOf(self, params)
  local query = {}
  for name, value in pairs(self.filters) do
    if value ~= null and value ~= "" then query[name] = value end
  end
  query.page, query.limit = self.pagination.page, self.pagination.limit
  for name, value in pairs(params or {}) do query[name] = value end
  return query
end

-- The store.

local function defaultActions(entity)
  local actions = {}

  -- Asks for the items of the page, as the filters have it; tells whether this answer is what is shown.
  function actions.fetchItems(self, params)
    if params ~= nil and type(params) ~= "table" then
      refuse("invalidArgument", "fetchItems takes a table such as { page = 2 }")
    end
    local query = queryOf(self, params)
    local underway <close> = begin(self, true)
    local ok, answer = pcall(fetch, entity, self, query)
    local request = underway:finish(true)
    local isShown = request ~= nil and not request.isStale
    if isShown then
      if ok then
        show(entity, self, answer, request.changes, query)
        self.error = null
      else
        self.error = messageOf(answer)
      end
    end
    -- It has waited, so what was before is final; this must be too, or loading would come back.
    native.commit()
    return ok and isShown
  end

  local function create(_, given)
    local item = outgoing(entity, given, { [entity.idField] = true })
    local url = entity.apiEndpoint
    local created = incoming(entity, send(entity, "POST", url, { json = item }), "POST", url)
    if created then return created end
    checkItem(entity, item, entity.entityName, "POST " .. url .. " answered nothing, and what was sent")
    return item
  end

  function actions.createItem(self, given)
    local item, isCurrent = change(self, create, given)
    if isCurrent then
      if put(entity, self.items, item) then self.pagination.total = self.pagination.total + 1 end
      note(self, keyOf(item[entity.idField]), item)
      self.error = null
    end
    native.commit()
    return item
  end

  local function known(self, id, verb)
    local url = addressOf(entity, id)
    local index, item = positionOf(entity, self.items, id)
    if not index then
      refuse(
        "invalidArgument", "cannot %s the %s '%s': it is not among the %d items that are here; fetch it first",
        verb, entity.entityName, id, #self.items
      )
    end
    return url, item
  end

  local function update(self, id, given)
    local url, current = known(self, id, "update")
    local field = entity.idField
    local others = setmetatable({}, { __index = function() return true end })
    local updates = outgoing(entity, given, others)
    if updates[field] ~= nil and keyOf(updates[field]) ~= keyOf(id) then
      refuse("invalidArgument", "the id of the %s '%s' cannot be changed", entity.entityName, id)
    end
    local item = native.copy(current)
    local updated = incoming(entity, send(entity, "PUT", url, { json = updates }), "PUT", url)
    if not updated then
      for name, value in pairs(updates) do item[name] = value end
      return item
    end
    if keyOf(updated[field]) ~= keyOf(id) then
      refuse("unexpectedAnswer", "PUT %s: answered with the %s '%s'", url, entity.entityName, updated[field])
    end
    return updated
  end

  function actions.updateItem(self, id, updates)
    local item, isCurrent = change(self, update, id, updates)
    if isCurrent then
      -- It may have gone from the page while the server was asked.
      local index = positionOf(entity, self.items, id)
      if index then self.items[index] = item end
      note(self, keyOf(id), item)
      self.error = null
    end
    native.commit()
    return item
  end

  local function delete(self, id) send(entity, "DELETE", known(self, id, "delete"), {}) end

  function actions.deleteItem(self, id)
    local _, isCurrent = change(self, delete, id)
    if isCurrent then
      local index = positionOf(entity, self.items, id)
      if index then
        table.remove(self.items, index)
        self.pagination.total = math.max(0, self.pagination.total - 1)
      end
      if keyOf(self.selectedId) == keyOf(id) then self.selectedId = null end
      note(self, keyOf(id), nil)
      self.error = null
    end
    native.commit()
  end

  function actions.selectItem(self, id)
    if id == nil or id == null then
      self.selectedId = null
      return
    end
    local _, item = known(self, id, "select")
    self.selectedId = item[entity.idField]
  end

  -- Adds to the filters; null takes one away. Other filters show other pages, so the first is next.
  function actions.setFilters(self, filters)
    if type(filters) ~= "table" then
      refuse("invalidArgument", "setFilters takes a table such as { name = \"lamp\" }")
    end
    for name, value in pairs(filters) do
      local kind = type(value)
      if type(name) ~= "string" then refuse("invalidArgument", "setFilters: a filter has a name") end
      if value ~= null and kind ~= "string" and kind ~= "number" and kind ~= "boolean" then
        refuse(
          "invalidArgument", "setFilters: the filter '%s' must be a text, a number, a boolean or null", name
        )
      end
    end
    for name, value in pairs(filters) do
      if value == null then value = nil end
      self.filters[name] = value
    end
    self.pagination.page = 1
  end

  function actions.clearFilters(self)
    self.filters = map()
    self.pagination.page = 1
  end

  return actions
end

-- Whether a field is what a filter asks for. What is typed into a form is text, and so is looked for as text.
local function matcher(value)
  if type(value) == "string" then
    local wanted = value:lower()
    return function(field)
      return field ~= nil and field ~= null and tostring(field):lower():find(wanted, 1, true) ~= nil
    end
  end
  return function(field)
    return field == value or type(field) == "string" and field == tostring(value)
      or type(value) == "number" and type(field) == "string" and tonumber(field) == value
  end
end

local function defaultGetters(entity)
  return {
    selectedItem = function(self)
      local _, item = positionOf(entity, self.items, self.selectedId)
      return item
    end,
    filteredItems = function(self)
      local matchers = {}
      for name, value in pairs(self.filters) do
        if value ~= null and value ~= "" then matchers[name] = matcher(value) end
      end
      local found = array()
      for _, item in ipairs(self.items) do
        local fits = true
        for name, matches in pairs(matchers) do
          if not matches(item[name]) then
            fits = false
            break
          end
        end
        if fits then found[#found + 1] = item end
      end
      return found
    end,
    itemCount = function(self) return #self.items end,
    isLoading = function(self) return self.loading end,
    hasError = function(self) return self.error ~= null end,
  }
end

-- Reading configurations.

local own = {
  entityName = true, apiEndpoint = true, schema = true, idField = true, headers = true, override = true,
}

local function readEntity(script, config, verb)
  local id = config.id
  local function check(holds, what)
    if not holds then refuse("invalidDefinition", "factory:%s: '%s': %s", verb, id, what) end
  end
  local endpoint = config.apiEndpoint
  check(
    type(endpoint) == "string" and endpoint:match("^https?://[^/?#]+[^?#]*$"),
    'the apiEndpoint must be an address without a query, such as "https://api.example.com/products"'
  )
  local name = config.entityName
  check(name == nil or type(name) == "string" and name ~= "", 'the entityName must be a text such as "product"')
  local field = config.idField
  check(field == nil or type(field) == "string" and field ~= "", 'the idField must be the name of a field')
  local headers = config.headers
  check(
    headers == nil or type(headers) == "table" or type(headers) == "function",
    "the headers must be a table, or a function that gives one"
  )
  local entity = {
    script = script, id = id, entityName = name or id, apiEndpoint = endpoint:gsub("/+$", ""),
    idField = field or "id", headers = headers,
  }
  if config.schema ~= nil then
    local fault
    entity.check, fault = schemas.compile(config.schema, "schema")
    check(entity.check, fault)
    check(type(config.schema) == "table", "the schema must be a table of fields")
  end
  return entity
end

-- What the script's own members replace must be said.
local function checkClashes(config, defaults, others, part, verb)
  local override = config.override
  local allowed = {}
  if type(override) == "table" then
    for _, name in ipairs(override) do allowed[name] = true end
  end
  for name in pairs(config[part] or {}) do
    local clash = others[name] and "another kind of member"
      or defaults[name] and override ~= true and not allowed[name] and "a member"
    if clash then
      refuse(
        "invalidDefinition", "factory:%s: '%s': %s.%s has the name of %s that the entity factory gives%s",
        verb, config.id, part, name, clash,
        others[name] and "" or ("; with  override = { %q }  it takes its place"):format(name)
      )
    end
  end
end

local function checkOverride(config, actions, getters, verb)
  local override = config.override
  if override == nil or type(override) == "boolean" then return end
  local isList = type(override) == "table" and schemas.isList(override)
  for _, name in ipairs(isList and override or { "" }) do
    if not (isList and (actions[name] or getters[name])) then
      refuse(
        "invalidDefinition", "factory:%s: '%s': override must be true, or a list of names of actions and getters "
          .. "of the entity factory%s", verb, config.id, isList and (": '%s' is none"):format(name) or ""
      )
    end
  end
end

local function with(defaults, given)
  local all = {}
  for name, value in pairs(defaults) do all[name] = value end
  for name, value in pairs(given or {}) do all[name] = value end
  return all
end

local function initialState(entity, given)
  if type(given) == "function" then given = given() end
  given = given or {}
  local function check(holds, what)
    if not holds then
      refuse("invalidDefinition", "factory:create: '%s': initialState%s", entity.id, what)
    end
  end
  check(type(given) == "table", " must be a table")
  check(given.requests == nil, ".requests is kept by the factory; give the field another name")
  local state = with({
    items = array(), loading = false, error = null, selectedId = null, filters = map(), requests = array(),
  }, given)
  local pagination = given.pagination or {}
  check(type(pagination) == "table", ".pagination must be a table such as { limit = 50 }")
  state.pagination = with({ page = 1, limit = 20, total = 0 }, pagination)
  check(type(state.items) == "table" and schemas.isList(state.items), ".items must be a list")
  for index, item in ipairs(state.items) do
    check(
      type(item) == "table" and keyOf(item[entity.idField]),
      (".items[%d] has no '%s' that is a text or a whole number"):format(index, entity.idField)
    )
  end
  return state
end

return function(script)
  local words = {}

  function words.create(config)
    local entity = readEntity(script, config, "create")
    local actions, getters = defaultActions(entity), defaultGetters(entity)
    checkOverride(config, actions, getters, "create")
    checkClashes(config, actions, getters, "actions", "create")
    checkClashes(config, getters, actions, "getters", "create")
    local base = {}
    for name, value in pairs(config) do
      if not own[name] then base[name] = value end
    end
    base.initialState = initialState(entity, config.initialState)
    base.actions = with(actions, config.actions)
    base.getters = with(getters, config.getters)
    base.metadata = with({ entityName = entity.entityName, apiEndpoint = entity.apiEndpoint }, config.metadata)
    return base
  end

  function words.configure(partial, config)
    local whole = with(config, partial)
    whole.actions, whole.getters = with(config.actions or {}, partial.actions), with(config.getters or {}, partial.getters)
    local entity = readEntity(script, whole, "configure")
    local actions, getters = defaultActions(entity), defaultGetters(entity)
    checkOverride(whole, actions, getters, "configure")
    checkClashes(whole, actions, getters, "actions", "configure")
    checkClashes(whole, getters, actions, "getters", "configure")
    local base = {}
    for name, value in pairs(partial) do
      if not own[name] then base[name] = value end
    end
    for name in pairs(own) do
      if partial[name] ~= nil then
        -- The functions of the factory know what they were made for, so they are made anew.
        base.actions, base.getters = with(actions, whole.actions), with(getters, whole.getters)
      end
    end
    return base, whole
  end

  return words
end
