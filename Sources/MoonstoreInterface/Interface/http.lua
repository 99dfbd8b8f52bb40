---@meta
--- HTTP
---
--- Requests to servers that the host grants. Each waits, which commits what the turn has done so far.

--- Requests to servers.
---@capability http
http = {}

--- The options of a request.
---@class (exact) HTTPOptions
---@field query? table Behind the address, such as { page = 2 }; a list is a name with several values.
---@field headers? table Texts by their names; a list is several values.
---@field json? data Sent as JSON.
---@field body? any A text of any bytes, sent as it is.
---@field timeout? number Seconds above 0.

--- What `http.request` takes.
---@class (exact) HTTPRequest: HTTPOptions
---@field url string The address.
---@field method? string GET where nothing is said.

--- What a server has answered.
---@class Response
---@field status integer Such as 200.
---@field ok boolean Whether the status is from 200 to 299.
---@field headers table<string, string> By names in small letters.
---@field body string The body.
---@field url string The address that has answered, behind redirects.
local response = {}

--- The body as data.
---@return data value
---@effect pure
---@error invalidJSON The body is no JSON.
---@example
--- print(http.get("https://api.example.com/price"):json().price)  --> 12
function response:json() end

--- Asks a server with all in one table.
---@param request HTTPRequest
---@return Response response
---@effect waits
---@capability http
---@error permissionDenied The host does not grant this server.
---@error timeout There was no answer in time.
---@example
--- print(http.request({ url = "https://api.example.com/price", method = "GET" }).status)  --> 200
function http.request(request) end

--- Gets what is at an address.
---@param url string
---@param options? HTTPOptions
---@return Response response
---@effect waits
---@capability http
---@error permissionDenied The host does not grant this server.
---@error timeout There was no answer in time.
---@example
--- print(http.get("https://api.example.com/price").status)  --> 200
function http.get(url, options) end

--- Gets the head of an answer alone.
---@param url string
---@param options? HTTPOptions
---@return Response response
---@effect waits
---@capability http
---@error permissionDenied The host does not grant this server.
---@error timeout There was no answer in time.
---@example
--- print(http.head("https://api.example.com/price").status)  --> 200
function http.head(url, options) end

--- Sends something to an address.
---@param url string
---@param options? HTTPOptions
---@return Response response
---@effect waits
---@capability http
---@error permissionDenied The host does not grant this server.
---@error timeout There was no answer in time.
---@example
--- print(http.post("https://api.example.com/price").status)  --> 200
function http.post(url, options) end

--- Replaces what is at an address.
---@param url string
---@param options? HTTPOptions
---@return Response response
---@effect waits
---@capability http
---@error permissionDenied The host does not grant this server.
---@error timeout There was no answer in time.
---@example
--- print(http.put("https://api.example.com/price").status)  --> 200
function http.put(url, options) end

--- Changes what is at an address.
---@param url string
---@param options? HTTPOptions
---@return Response response
---@effect waits
---@capability http
---@error permissionDenied The host does not grant this server.
---@error timeout There was no answer in time.
---@example
--- print(http.patch("https://api.example.com/price").status)  --> 200
function http.patch(url, options) end

--- Takes away what is at an address.
---@param url string
---@param options? HTTPOptions
---@return Response response
---@effect waits
---@capability http
---@error permissionDenied The host does not grant this server.
---@error timeout There was no answer in time.
---@example
--- print(http.delete("https://api.example.com/price").status)  --> 200
function http.delete(url, options) end

