// What every verb keeps to: its fields describe themselves, a request reads back, and it takes the right that it names.
#include "base/text.h"
#include "reconcile/request.h"
#include "reconcile/verbs/ca_import.h"
#include "reconcile/verbs/ca_init.h"
#include "reconcile/verbs/ca_sign.h"
#include "reconcile/verbs/export.h"
#include "site.h"

#include <fstream>
#include <set>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::reconcile;
using base::Fault;
using base::OptionType;

namespace {

template <class Work>
std::optional<base::Error> thrown_by(Work&& work) {
  try {
    work();
  } catch (const base::Error& error) {
    return error;
  }
  return std::nullopt;
}

// Something that the field takes.
base::Value sample(const base::Option& field) {
  switch (field.type) {
    case OptionType::boolean:
      return {true, {}};
    case OptionType::integer:
      return base::number_value(std::max<std::int64_t>(field.lowest, 3));
    case OptionType::names:
      return base::list_value({"a", "b c"});
    case OptionType::command:
      return base::list_value({"/bin/true", "two words"});
    case OptionType::choice:
      return base::text_value(std::string(field.choices.back()));
    case OptionType::duration:
      return base::text_value("36h");
    case OptionType::mode:
      return base::text_value("0640");
    case OptionType::owner:
      return base::text_value("root:root");
    default:
      return base::text_value("/a \"text\" \xc3\xa9");
  }
}

base::Table all_fields(const Verb& verb) {
  base::Table table;
  for (const base::Option& field : verb.fields) table.emplace_back(field.name, sample(field));
  return table;
}

base::Table without(base::Table table, std::string_view key) {
  std::erase_if(table, [&](const auto& member) { return member.first == key; });
  return table;
}

std::string refusal(const std::string& json, Fault fault) {
  const auto error = thrown_by([&] { parse_request(json); });
  REQUIRE_MESSAGE(error.has_value(), json);
  CHECK_MESSAGE(error->fault() == fault, error->text());
  return error->text();
}

// The least that the verb wants to hear.
base::Options least(const Verb& verb, const Site& site) {
  base::Table table;
  for (const base::Option& field : verb.fields) {
    if (!field.required) continue;
    base::Value value = base::text_value("www");
    if (field.type == OptionType::names) value = base::list_value({"www"});
    if (field.type == OptionType::choice) value = sample(field);
    if (field.type == OptionType::path) value = base::text_value(site.root.path() + "/file");
    table.emplace_back(field.name, std::move(value));
  }
  if (verb.name == "revoke") table.emplace_back("name", base::text_value("www"));
  return validated(verb, table);
}

// Does it say that somebody else is at work?
bool is_busy(const Verb& verb, const Site& site) {
  const auto error = thrown_by([&] { verb.run(site.host, least(verb, site)); });
  return error && error->fault() == Fault::busy;
}

}  // namespace

TEST_CASE("every verb describes itself") {
  std::set<std::string_view> names;
  REQUIRE(verbs().size() >= 20);
  for (const Verb* const verb : verbs()) {
    CAPTURE(verb->name);
    CHECK(names.insert(verb->name).second);
    CHECK(find_verb(verb->name) == verb);
    CHECK(verb->form >= 1);
    CHECK_FALSE(verb->summary.empty());
    CHECK_FALSE(verb->summary.ends_with('.'));
    CHECK_FALSE(to_string(verb->needs).empty());
    std::set<std::string_view> fields;
    for (const base::Option& field : verb->fields) {
      CAPTURE(field.name);
      CHECK(fields.insert(field.name).second);
      CHECK_FALSE(field.summary.empty());
      CHECK(field.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos);
      CHECK((field.type == OptionType::choice) == !field.choices.empty());
      CHECK((!field.required || field.fallback.empty()));
    }
  }
  CHECK(find_verb("no such verb") == nullptr);
}

TEST_CASE("a request as JSON reads back to what it was") {
  for (const Verb* const verb : verbs()) {
    CAPTURE(verb->name);
    const base::Options said = validated(*verb, all_fields(*verb));
    CHECK(said.entries().size() == verb->fields.size());
    const std::string json = to_json({verb, said});
    CHECK(json.find('\n') == std::string::npos);
    const Request read = parse_request(json);
    CHECK(read.verb == verb);
    CHECK(to_json(read) == json);
    for (const auto& [name, entry] : read.fields.entries()) {
      CAPTURE(name);
      const auto all = said.entries();
      const auto before = std::ranges::find(all, name, [](const auto& one) { return one.first; });
      REQUIRE(before != all.end());
      CHECK(entry->text == before->second->text);
      CHECK(entry->number == before->second->number);
      CHECK(entry->list == before->second->list);
    }
  }
}

TEST_CASE("a field that is unknown, missing or of another type is refused by its name") {
  for (const Verb* const verb : verbs()) {
    CAPTURE(verb->name);
    base::Table unknown = all_fields(*verb);
    unknown.emplace_back("unheard_of", base::text_value("x"));
    const auto error = thrown_by([&] { validated(*verb, unknown); });
    REQUIRE(error.has_value());
    CHECK(error->fault() == Fault::usage);
    CHECK(error->message().find("unheard_of") != std::string::npos);
    for (const base::Option& field : verb->fields) {
      CAPTURE(field.name);
      base::Table misspelt = without(all_fields(*verb), field.name);
      misspelt.emplace_back(std::string(field.name) + "x", sample(field));
      const auto near = thrown_by([&] { validated(*verb, misspelt); });
      REQUIRE(near.has_value());
      CHECK_MESSAGE(near->text().find(std::string("did you mean")) != std::string::npos, near->text());
      base::Table wrong = without(all_fields(*verb), field.name);
      wrong.emplace_back(field.name, base::Value{base::Table{}, {}});
      const auto type = thrown_by([&] { validated(*verb, wrong); });
      REQUIRE(type.has_value());
      CHECK(type->fault() == Fault::usage);
      CHECK(type->message().find(std::string(field.name) + ": expected") != std::string::npos);
      if (!field.required) continue;
      const auto missing = thrown_by([&] { validated(*verb, without(all_fields(*verb), field.name)); });
      REQUIRE(missing.has_value());
      CHECK(missing->message().find(std::string(field.name) + ": is missing") != std::string::npos);
    }
  }
}

TEST_CASE("a request that is none says what is wrong with it") {
  const char* const good = R"({"verb":"renew","form":1,"request":{}})";
  CHECK(parse_request(good).verb->name == "renew");
  struct Row {
    const char* json;
    const char* message;
    Fault fault = Fault::usage;
  };
  const Row rows[] = {
      {"", "the request", Fault::invalid},
      {"[]", "the request", Fault::invalid},
      {"{}", "there is no verb ''"},
      {R"({"verb":"renw","form":1,"request":{}})", "did you mean renew?"},
      {R"({"verb":7,"form":1,"request":{}})", "there is no verb ''"},
      {R"({"verb":"renew","request":{}})", "does not say its form"},
      {R"({"verb":"renew","form":"1","request":{}})", "does not say its form"},
      {R"({"verb":"renew","form":2,"request":{}})", "newer than this program", Fault::newer},
      {R"({"verb":"renew","form":0,"request":{}})", "is not understood any more"},
      {R"({"verb":"renew","form":1})", "has no object"},
      {R"({"verb":"renew","form":1,"request":[]})", "has no object"},
      {R"({"verb":"renew","form":1,"request":{},"id":"x"})", "unknown member 'id'"},
      {R"({"verb":"renew","form":1,"request":{"names":7}})", "names: expected a list of strings"},
      {R"({"verb":"renew","form":1,"request":{"force":"yes"}})", "force: expected true or false"},
      {R"({"verb":"rollback","form":1,"request":{"name":"www","to":0}})", "to: 0 is out of range"},
      {R"({"verb":"remove","form":1,"request":{"name":"a\u0000b"}})", "holds a NUL"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.json);
    const std::string text = refusal(row.json, row.fault);
    CHECK_MESSAGE(text.find(row.message) != std::string::npos, text);
  }
}

TEST_CASE("a verb takes the right that it names, and no other") {
  const Site site;
  std::size_t looked_at = 0;
  {
    const auto lease = lock_reconciler(site.host);
    for (const Verb* const verb : verbs()) {
      // An import looks at the other client before it takes anything.
      if (verb->run == nullptr || verb->name == "import") continue;
      CAPTURE(verb->name);
      CHECK(is_busy(*verb, site) == (verb->needs != Needs::store));
      ++looked_at;
    }
  }
  CHECK(looked_at >= 14);
  {
    const inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
    for (const Verb* const verb : verbs()) {
      if (verb->run == nullptr || verb->needs == Needs::store || verb->name == "import" || verb->name == "restore")
        continue;
      CAPTURE(verb->name);
      CHECK(is_busy(*verb, site) == (verb->needs == Needs::parked));
    }
  }
}

TEST_CASE("what is done in the caller's own process takes the right that its verb names too") {
  const Site site;
  const auto lease = lock_reconciler(site.host);
  const auto fault = [](const std::function<void()>& work) {
    const auto error = thrown_by(work);
    return error ? std::optional(error->fault()) : std::nullopt;
  };
  CHECK(ca_init_verb.needs == Needs::lease);
  CHECK(fault([&] {
          ca_init(site.host, ca_init_request(validated(ca_init_verb, {{"name", base::text_value("b")}})));
        }) == Fault::busy);
  CHECK(ca_import_verb.needs == Needs::lease);
  CHECK(fault([&] { ca_import(site.host, {.name = Name::parse("b"), .chain = {}, .key = {}}); }) == Fault::busy);
  CHECK(ca_sign_verb.needs == Needs::store);
  CHECK(fault([&] {
          ca_sign(site.host, ca_sign_request(validated(ca_sign_verb, {{"name", base::text_value("corp")}})),
                  [](std::size_t, const auto&) {});
        }) == std::nullopt);
  CHECK(export_verb.needs == Needs::store);
  CHECK(fault([&] {
          export_certificate(site.host, export_request(validated(export_verb, {{"name", base::text_value("www")}})));
        }) == Fault::not_found);
}

TEST_CASE("the schema of requests in the tree is that of the verbs") {
  std::ifstream file(EVERSEAL_SOURCE_DIR "/schema/request.schema.json", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const bool same = text == request_schema();
  CHECK_MESSAGE(same, "everseal help requests > schema/request.schema.json");
}
