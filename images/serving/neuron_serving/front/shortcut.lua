-- Lets small requests in binary that are provably right go straight to the runtime; the front reads all others.
--
-- tritonserver believes a request's shape before it looks at the data, and other parsers may read odd JSON otherwise
-- than this one. So what passes is plain: names of the model, once each, sizes that agree with the bytes, and
-- nothing else. Whatever this is in doubt about it leaves to the front, which answers right requests alike.
-- MODEL is written before this file (guard.py). Sources: docs.haproxy.org, Lua; lua-cjson.

local json = require("cjson.safe").new()
json.decode_max_depth(6)
json.decode_invalid_numbers(false)

-- BOOL is left out: the front looks at its bytes.
local ITEM = {INT32 = 4, INT64 = 8, FP16 = 2, FP32 = 4, FP64 = 8}
local MAX_HEAD, MAX_ROWS, MAX_SIZE = 4096, 4, 1e6

local function is_size(value)
    return type(value) == "number" and value >= 1 and value % 1 == 0 and value <= MAX_SIZE
end

-- The names in all objects of a decoded text; fails for more than JSON of this kind has.
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
    local _, count = text:gsub('"[^"]*"', ""):gsub(":", "")
    return count
end

local function has_only(value, allowed)
    if type(value) ~= "table" then return false end
    for key in pairs(value) do
        if not allowed[key] then return false end
    end
    return true
end

local INPUT = {name = true, datatype = true, shape = true, parameters = true}
local SIZE = {binary_data_size = true}
local OUTPUT, BINARY = {name = true, parameters = true}, {binary_data = true}
local REQUEST = {id = true, inputs = true, outputs = true, parameters = true}
local ALL_BINARY = {binary_data_output = true}

-- The bytes of an input, and its rows; nil where it is not plain.
local function plain_input(input, seen)
    if not has_only(input, INPUT) or not has_only(input.parameters, SIZE) then return nil end
    local known = type(input.name) == "string" and MODEL.inputs[input.name]
    if not known or seen[input.name] or input.datatype ~= known.datatype then return nil end
    seen[input.name] = true
    if type(input.shape) ~= "table" or #input.shape ~= #known.dims + 1 then return nil end
    local elements = 1
    for index, size in ipairs(input.shape) do
        local fixed = known.dims[index - 1]
        if not is_size(size) or (fixed and fixed >= 0 and fixed ~= size) then return nil end
        elements = elements * size
    end
    local item = ITEM[known.datatype]
    local bytes = item and elements * item
    if not bytes or input.parameters.binary_data_size ~= bytes then return nil end
    return bytes, input.shape[1]
end

local function plain_outputs(request)
    local all = request.parameters ~= nil
    if all and not (has_only(request.parameters, ALL_BINARY) and request.parameters.binary_data_output == true) then
        return false
    end
    if request.outputs == nil then return all end
    if type(request.outputs) ~= "table" or #request.outputs == 0 then return false end
    local seen = {}
    for _, output in ipairs(request.outputs) do
        if not has_only(output, OUTPUT) or type(output.name) ~= "string" or not MODEL.outputs[output.name] then
            return false
        end
        local said = output.parameters
        if not (has_only(said, BINARY) and said.binary_data == true) or seen[output.name] then return false end
        seen[output.name] = true
    end
    return true
end

local function is_plain(request, bytes)
    if not has_only(request, REQUEST) or type(request.inputs) ~= "table" or #request.inputs == 0 then return false end
    local seen, rows, sum = {}, nil, 0
    for _, input in ipairs(request.inputs) do
        local size, own = plain_input(input, seen)
        if not size or own > MAX_ROWS or (rows and own ~= rows) then return false end
        rows, sum = own, sum + size
    end
    for name, known in pairs(MODEL.inputs) do
        if not known.optional and not seen[name] then return false end
    end
    return sum == bytes and plain_outputs(request)
end

core.register_action("shortcut", {"http-req"}, function(txn)
    local path = txn.sf:path()
    if path ~= "/v2/models/" .. MODEL.name .. "/infer" then return end
    if txn.sf:req_hdr("content-encoding") ~= "" then return end
    local bytes = tonumber(txn.sf:req_hdr("content-length"))
    local digits = txn.sf:req_hdr("inference-header-content-length"):match("^%d+$")
    local body = txn.sf:req_body()
    local head = digits and #digits < 5 and tonumber(digits)
    if not head or head > MAX_HEAD or not bytes or #body ~= bytes or head > bytes then return end
    local text = body:sub(1, head)
    -- Plain letters alone, and no escapes: nothing that a parser may read in its own way.
    if text:find("[^ !\"#$%%&'()*+,%-./0-9:;<=>?@A-Z%[%]^_`a-z{|}~]") then return end
    if text:gsub('"[^"]*"', ""):find("%d[.eE]") then return end
    local request = json.decode(text)
    if type(request) ~= "table" then return end
    if request.id ~= nil and (type(request.id) ~= "string" or #request.id > 128 or #request.id == 0) then return end
    if names(request) ~= written(text) or not is_plain(request, bytes - head) then return end
    if request.id then txn:set_var("txn.request_id", request.id) end
    txn:set_var("txn.shortcut", true)
end)
