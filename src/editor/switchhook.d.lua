---@meta
-- What scripts are offered beside the Job Router (router.d.lua) and the events (events.d.lua), for editors.
-- docs/api.md says more.

---An event. What its data has depends on its type: `---@param event RouterJobQueuedEvent` above a handler tells
---the editor which one it is.
---@class Event
---@field id string
---@field type string Microsoft.Communication.RouterJobQueued
---@field name string RouterJobQueued
---@field source string the resource that it comes from
---@field subject string
---@field time string as it was sent; event.parsed.time is a number
---@field data table
---@field parsed table canonical forms: times and lifetimes in seconds, the REST contract's words
---@field attempt integer from 1
---@field received number seconds since 1970
---@field seq integer its number in the host

---What a step returns beside its value.
---@class StepAbout
---@field status? integer the HTTP status
---@field etag? string
---@field repeated boolean it was perhaps sent before

---What a step that failed raises. Prints as one line.
---@class StepError
---@field operation string router.offers.accept
---@field status integer 0: there was no answer
---@field code string
---@field message string
---@field retryable boolean whether the host tries the run again; may be set
---@field repeated boolean

---A secret of the configuration: a handle, whose value only the host knows.
---@class Secret
---@operator concat(string|Secret): Secret

---The secret of that name. Joins with `..` into headers, bodies and queries of http calls.
---@param name string
---@return Secret
function secret(name) end

---Holds the run, and the later events of its lane, for that long.
---@param seconds number from 0 to a year
function sleep(seconds) end

---Raises the event Switchhook.Local.NAME later, for scripts/local/NAME.lua, in the same lane, without holding it.
---@param seconds number from 0 to a year
---@param name string letters, digits, _ and -
---@param data? table
---@return string id for cancel
function after(seconds, name, data) end

---Takes back what `after` is to raise.
---@param id string
---@return boolean is_taken_back false: it was raised already
function cancel(id) end

---Calls the functions at the same time, waits for all of them, and returns one value of each; then raises the
---first error, in their order.
---@param functions function[]
---@return any ...
function all(functions) end

---What `f` returned the first time, also when the run is done again.
---@generic T
---@param name string
---@param f fun(): T
---@return T
function step(name, f) end

---Parks the event now, with the reason.
---@param reason string
function fail(reason) end

---The time of the run: seconds since 1970, with fractions.
---@return number
function now() end

---The same again when the run is done again.
---@return string
function uuid() end

---A module of the scripts' lib folder: lib/crm/client.lua is crm.client.
---@param name string
---@return any
function require(name) end

---@class HttpOptions
---@field headers? table<string, string|number|Secret>
---@field body? string|Secret
---@field json? any the body, as JSON
---@field timeout? number seconds

---@class HttpRequest: HttpOptions
---@field method? string GET, when there is none
---@field url string

---@class HttpAnswer
---@field status integer
---@field headers table<string, string> names in lower case
---@field body string
---@field json fun(): any the body, decoded

---Requests to anybody else. Any status is an answer; only a request that got none raises.
http = {}
---@param request HttpRequest
---@return HttpAnswer
---@return StepAbout
function http.request(request) end
---@param url string|Secret
---@param options? HttpOptions
---@return HttpAnswer
---@return StepAbout
function http.get(url, options) end
---@param url string|Secret
---@param options? HttpOptions
---@return HttpAnswer
---@return StepAbout
function http.head(url, options) end
---@param url string|Secret
---@param options? HttpOptions
---@return HttpAnswer
---@return StepAbout
function http.post(url, options) end
---@param url string|Secret
---@param options? HttpOptions
---@return HttpAnswer
---@return StepAbout
function http.put(url, options) end
---@param url string|Secret
---@param options? HttpOptions
---@return HttpAnswer
---@return StepAbout
function http.patch(url, options) end
---@param url string|Secret
---@param options? HttpOptions
---@return HttpAnswer
---@return StepAbout
function http.delete(url, options) end
---The value of an Authorization header.
---@param user string
---@param password string|Secret
---@return Secret|string
function http.basic(user, password) end

---Values that last, shared by all scripts; keys have up to 1,024 bytes, values up to 64 KiB as JSON.
state = {}
---@param key string
---@return any value nil: nothing is there
---@return StepAbout
function state.get(key) end
---@param key string
---@param value any
---@param options? { ttl: number } seconds until it is gone
---@return nil
---@return StepAbout
function state.set(key, value, options) end
---@param key string
---@return boolean was_there
---@return StepAbout
function state.delete(key) end
---@param key string
---@param by? number 1
---@return number value the new one
---@return StepAbout
function state.increment(key, by) end
---@param key string
---@param expected any nil: nothing is there
---@param new any nil: deletes
---@param options? { ttl: number } seconds until it is gone
---@return boolean is_changed
---@return StepAbout
function state.compare_and_set(key, expected, new, options) end

time = {}
---Every form of time that events use.
---@param text string
---@return number seconds since 1970
function time.parse(text) end
---In the configured time zone.
---@param seconds number since 1970
---@param pattern? string as os.date's
---@return string
function time.format(seconds, pattern) end

---Lines of the host's log, tied to the event and the run.
log = {}
---@param message string
---@param fields? table
function log.debug(message, fields) end
---@param message string
---@param fields? table
function log.info(message, fields) end
---@param message string
---@param fields? table
function log.warn(message, fields) end
---@param message string
---@param fields? table
function log.error(message, fields) end

json = {}
---A null in a list, or alone. A null member of an object is absent.
---@type any
json.null = nil
---@param value any
---@return string
function json.encode(value) end
---Strict: what is no JSON raises, with the byte.
---@param text string
---@return any
function json.decode(text) end
---Marks the list as one, so that it is an array also when it is empty.
---@param list? any[]
---@return any[]
function json.array(list) end
