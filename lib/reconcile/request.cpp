#include "reconcile/request.h"

#include "base/error.h"
#include "base/text.h"
#include "config/schema.h"
#include "net/json.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::reconcile {
namespace {

using Json = nlohmann::ordered_json;
using base::Error;
using base::Fault;

constexpr std::string_view kMembers[] = {"verb", "form", "request"};

const Verb& require_verb(const std::string& name) {
  if (const Verb* const verb = find_verb(name)) return *verb;
  std::vector<std::string> known;
  for (const Verb* const verb : verbs()) known.emplace_back(verb->name);
  const auto near = base::nearest(name, known);
  throw Error(Fault::usage, fmt::format("there is no verb '{}'", base::printable(name)),
              near ? fmt::format("did you mean {}?", *near) : "one of: " + base::join(known, ", "));
}

Json json_of(const base::Options& options) {
  Json object = Json::object();
  for (const auto& [name, entry] : options.entries()) {
    Json& member = object[std::string(name)];
    switch (entry->type) {
      case base::OptionType::boolean:
        member = entry->number != 0;
        break;
      case base::OptionType::integer:
      case base::OptionType::port:
        member = entry->number;
        break;
      case base::OptionType::names:
      case base::OptionType::servers:
      case base::OptionType::command:
        member = entry->list;
        break;
      case base::OptionType::items:
        member = Json::array();
        for (const base::Options& item : entry->items) member.push_back(json_of(item));
        break;
      default:
        member = entry->text;
    }
  }
  return object;
}

}  // namespace

base::Options validated(const Verb& verb, const base::Table& said) {
  base::Problems problems;
  base::Options options = base::Options::validate(said, verb.fields, {}, {}, {}, problems);
  if (problems.empty()) return options;
  std::string text;
  for (const base::Problem& problem : problems)
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ",
                        problem.origin.file.empty() ? problem.key : to_string(problem.origin), problem.message);
  throw Error(Fault::usage, std::move(text), problems.front().hint);
}

Request parse_request(std::string_view json) {
  const base::Table document = net::parse_json_object(json, "the request");
  for (const auto& [member, value] : document)
    if (std::ranges::find(kMembers, member) == std::end(kMembers))
      throw Error(Fault::usage, fmt::format("the request has an unknown member '{}'", base::printable(member)),
                  "its members are verb, form and request");
  const Verb& verb = require_verb(net::text_at(document, "verb"));
  const auto form = net::integer_at(document, "form");
  if (!form) throw Error(Fault::usage, "the request does not say its form", fmt::format("\"form\": {}", verb.form));
  if (*form > verb.form)
    throw Error(Fault::newer,
                fmt::format("form {} of {} is newer than this program, which knows {}", *form, verb.name, verb.form));
  if (*form < verb.form)
    throw Error(Fault::usage, fmt::format("form {} of {} is not understood any more", *form, verb.name),
                fmt::format("this program knows form {}", verb.form));
  const base::Table* const fields = net::object_at(document, "request");
  if (fields == nullptr) throw Error(Fault::usage, "the request has no object \"request\"", "{} where nothing is said");
  return {&verb, validated(verb, *fields)};
}

std::string to_json(const Request& request) {
  return Json{{"verb", request.verb->name}, {"form", request.verb->form}, {"request", json_of(request.fields)}}.dump(
      -1, ' ', true, Json::error_handler_t::replace);
}

std::string to_json(const base::Options& options) {
  return json_of(options).dump(-1, ' ', true, Json::error_handler_t::replace);
}

std::string request_schema() {
  Json all = Json::array();
  for (const Verb* const verb : verbs())
    all.push_back({{"title", verb->name},
                   {"description", verb->summary},
                   {"type", "object"},
                   {"properties",
                    {{"verb", {{"const", verb->name}}},
                     {"form", {{"const", verb->form}}},
                     {"request", Json::parse(config::schema_of(verb->fields))}}},
                   {"required", kMembers},
                   {"additionalProperties", false}});
  const Json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                    {"$id", "urn:everseal:schema:request:1"},
                    {"title", "Everseal's requests"},
                    {"oneOf", std::move(all)},
                    {"$defs", Json::parse(config::schemas_of_values())}};
  return schema.dump(2) + "\n";
}

}  // namespace everseal::reconcile
