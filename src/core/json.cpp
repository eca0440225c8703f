// SPDX-FileCopyrightText: The hra authors
// SPDX-License-Identifier: Apache-2.0
#include "core/json.h"

#include <unordered_set>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "core/python_json.h"

namespace hra {
namespace {

constexpr int max_depth = 64;

/// Refuses what nlohmann's parser would accept: deep nesting and repeated keys.
class Guard {
public:
    explicit Guard(std::string_view where) : where_(where) {}

    bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
        if (depth > max_depth)
            fail(where_, "wanted JSON of at most ", max_depth, " levels, got deeper nesting");
        if (event == Json::parse_event_t::object_start) keys_.emplace_back();
        if (event == Json::parse_event_t::object_end) keys_.pop_back();
        if (event == Json::parse_event_t::key && !keys_.back().insert(parsed.get<std::string>()).second)
            fail(where_, "wanted distinct keys in JSON, got \"", parsed.get<std::string>(), "\" twice");
        return true;
    }

private:
    std::string where_;
    std::vector<std::unordered_set<std::string>> keys_;  // of the objects that are open
};

}  // namespace

Json parse_json(std::string_view text, std::string_view where) {
    Guard guard(where);
    try {
        return Json::parse(text, std::ref(guard));
    } catch (const Json::exception& e) {
        fail(where, "wanted valid JSON, got ", e.what());
    }
}

Json read_json(const std::filesystem::path& path) {
    return parse_python_json(read_file(path), path.string());
}

namespace detail {

void bad_json_value(const char* key, const Json* value, const char* wanted, std::string_view where) {
    if (value == nullptr) fail(where, "wanted the key \"", key, "\" (", wanted, "), got none");
    const std::string got = value->dump(-1, ' ', false, Json::error_handler_t::replace);
    fail(where, "wanted ", wanted, " for \"", key, "\", got ", got.substr(0, 60));
}

}  // namespace detail
}  // namespace hra
