-- Layers of message middleware are what is measured here.
return { messageMiddleware = { "stores/pulse.lua" }, check = { messages = { "pulse" } } }
