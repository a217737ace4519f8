-- Refuses requests that tritonserver would answer with a 500 or die of, before it sees them.
--
-- tritonserver allocates what a request's shape says before it looks at the data, and reads nested JSON
-- recursively: one request can end the process. What passes here is JSON that no two parsers read differently,
-- and whose tensors are no larger than the body that brings them.
-- Sources: the Open Inference Protocol; docs.haproxy.org, Lua; lua-cjson.

local json = require("cjson.safe")
json.decode_max_depth(16)
json.decode_invalid_numbers(false)

local DATATYPES = {}
for name in ("BOOL UINT8 UINT16 UINT32 UINT64 INT8 INT16 INT32 INT64 FP16 FP32 FP64 BF16 BYTES"):gmatch("%S+") do
    DATATYPES[name] = true
end

local REASONS = {[400] = "Bad Request", [411] = "Length Required", [415] = "Unsupported Media Type"}

local function is_whole(value)
    return type(value) == "number" and value >= 0 and value % 1 == 0 and value < 2 ^ 53
end

local function is_text(value)
    return type(value) == "string" and #value > 0
end

-- cjson gives a table for an object and for a list alike.
local function is_list(value)
    return type(value) == "table" and (next(value) == nil or #value > 0)
end

local function is_object(value)
    return type(value) == "table" and #value == 0
end

-- The names in all objects of a decoded text.
local function names(value)
    local count = 0
    for key, inner in pairs(value) do
        if type(key) == "string" then count = count + 1 end
        if type(inner) == "table" then count = count + names(inner) end
    end
    return count
end

-- The names in a text, where those that a decoder drops for a later one of the same name count too.
local function written(text)
    local _, count = text:gsub("\\.", ""):gsub('"[^"]*"', ""):gsub(":", "")
    return count
end

local function wrong_parameters(holder)
    local parameters = holder.parameters
    if parameters ~= nil and not is_object(parameters) then return "parameters must be an object." end
    local size = parameters and parameters.binary_data_size
    if size ~= nil and not is_whole(size) then return "binary_data_size must be a whole number." end
    return nil
end

local function wrong_input(input, bytes)
    if not is_object(input) or not is_text(input.name) then
        return "Each input must be an object with a name."
    end
    local said = "Input " .. input.name:sub(1, 100) .. ": "
    if not DATATYPES[input.datatype] then return said .. "datatype must be one of the protocol, such as INT64." end
    if not is_list(input.shape) then return said .. "shape must be a list of whole numbers." end
    local elements = 1
    for _, size in ipairs(input.shape) do
        if not is_whole(size) then return said .. "shape must be a list of whole numbers." end
        if size > bytes then return said .. "its shape has more elements than the request has bytes." end
        elements = elements * size
    end
    if elements > bytes then return said .. "its shape has more elements than the request has bytes." end
    local parameters = wrong_parameters(input)
    if parameters then return said .. parameters end
    if input.data ~= nil and not is_list(input.data) then return said .. "data must be a list." end
    return nil
end

local function wrong_output(output)
    if not is_object(output) or not is_text(output.name) then
        return "Each output must be an object with a name."
    end
    return wrong_parameters(output)
end

-- What is wrong with a request for an inference; nil where nothing is. `bytes` are those of the whole body.
local function wrong(request, text, bytes)
    if not is_object(request) then return "The body must be a JSON object." end
    if names(request) ~= written(text) then return "A name is twice in one object of the body." end
    if not is_list(request.inputs) or #request.inputs == 0 then
        return "The body must have inputs, a list of at least one tensor."
    end
    if request.id ~= nil and type(request.id) ~= "string" then return "id must be a string." end
    local parameters = wrong_parameters(request)
    if parameters then return parameters end
    for _, input in ipairs(request.inputs) do
        local said = wrong_input(input, bytes)
        if said then return said end
    end
    if request.outputs == nil then return nil end
    if not is_list(request.outputs) then return "outputs must be a list." end
    for _, output in ipairs(request.outputs) do
        local said = wrong_output(output)
        if said then return said end
    end
    return nil
end

local function refuse(txn, status, sentence)
    local reply = txn:reply({status = status, reason = REASONS[status]})
    reply:add_header("content-type", "application/json")
    reply:set_body(json.encode({error = sentence}))
    txn:done(reply)
end

local function header(txn, name)
    return txn.sf:req_hdr(name)
end

-- For a line of the log: a path may have any byte.
core.register_converters("printable", function(text)
    return (text:gsub('[^!#-Z%[%]^-~]', "?"))
end)

core.register_action("check_inference", {"http-req"}, function(txn)
    local coding = header(txn, "content-encoding")
    if coding ~= "" and coding:lower() ~= "identity" then
        return refuse(txn, 415, "Compressed requests are not accepted: send the body as it is.")
    end
    local bytes = tonumber(header(txn, "content-length"))
    local body = txn.sf:req_body()
    local head = header(txn, "inference-header-content-length")
    if head == "" then
        head = #body
    else
        if bytes == nil then return refuse(txn, 411, "Binary tensors need a Content-Length.") end
        head = head:match("^%d+$") and tonumber(head)
        if not head or head > bytes or head > #body then
            return refuse(txn, 400, "Inference-Header-Content-Length must be the bytes of the JSON before the tensors.")
        end
    end
    local text = body:sub(1, head)
    local request, failure = json.decode(text)
    if request == nil then return refuse(txn, 400, "The body is not JSON: " .. failure .. ".") end
    if type(request) == "table" and is_text(request.id) then
        -- For the log of requests.
        txn:set_var("txn.request_id", request.id)
    end
    local said = wrong(request, text, bytes or #body)
    if said then return refuse(txn, 400, said) end
end)
