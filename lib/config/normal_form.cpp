#include "base/encoding.h"
#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "config/reader.h"
#include "pki/digest.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::config {
namespace {

using base::Error;
using base::Fault;
using base::List;
using base::Table;
using base::text_value;
using base::Value;

void append_json(std::string& out, const Value& value);

void append_json_text(std::string& out, std::string_view text) {
  if (!base::is_utf8(text))
    throw Error(Fault::usage, fmt::format("'{}' is not UTF-8", base::printable(text.substr(0, 80))),
                "a config holds UTF-8 text only");
  base::append_json_string(out, text);
}

void append_json(std::string& out, const Table& table) {
  std::vector<const Table::value_type*> sorted;
  sorted.reserve(table.size());
  for (const auto& entry : table) sorted.push_back(&entry);
  std::ranges::sort(sorted, {}, [](const auto* entry) -> const std::string& { return entry->first; });
  out += '{';
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i > 0) out += ',';
    append_json_text(out, sorted[i]->first);
    out += ':';
    append_json(out, sorted[i]->second);
  }
  out += '}';
}

void append_json(std::string& out, const Value& value) {
  if (const auto* const text = std::get_if<std::string>(&value.data)) {
    append_json_text(out, *text);
  } else if (const auto* const number = std::get_if<std::int64_t>(&value.data)) {
    out += std::to_string(*number);
  } else if (const auto* const flag = std::get_if<bool>(&value.data)) {
    out += *flag ? "true" : "false";
  } else if (const auto* const list = std::get_if<List>(&value.data)) {
    out += '[';
    for (std::size_t i = 0; i < list->size(); ++i) {
      if (i > 0) out += ',';
      append_json(out, (*list)[i]);
    }
    out += ']';
  } else {
    append_json(out, std::get<Table>(value.data));
  }
}

Value from_json(const nlohmann::json& json, int depth) {
  constexpr int deepest = 16;
  if (depth > deepest) throw Error(Fault::config, "a normal form nested too deeply");
  switch (json.type()) {
    case nlohmann::json::value_t::string:
      return text_value(json.get<std::string>());
    case nlohmann::json::value_t::boolean:
      return {json.get<bool>(), {}};
    case nlohmann::json::value_t::number_integer:
    case nlohmann::json::value_t::number_unsigned:
      return {json.get<std::int64_t>(), {}};
    case nlohmann::json::value_t::array: {
      List list;
      for (const auto& item : json) list.push_back(from_json(item, depth + 1));
      return {std::move(list), {}};
    }
    case nlohmann::json::value_t::object: {
      Table table;
      for (const auto& [key, item] : json.items()) table.emplace_back(key, from_json(item, depth + 1));
      return {std::move(table), {}};
    }
    default:
      throw Error(Fault::config, "a normal form with a value that no option takes");
  }
}

Value verify_value(const Deployment& deployment) {
  if (deployment.verification == Verification::none) return text_value("none");
  List targets;
  for (const VerifyTarget& target : deployment.verify) {
    Table fields{{"connect", text_value(target.connect)}};
    if (!target.sni.empty()) fields.emplace_back("sni", text_value(target.sni));
    if (!target.starttls.empty()) fields.emplace_back("starttls", text_value(target.starttls));
    if (target.all_addresses) fields.emplace_back("addresses", text_value("all"));
    targets.push_back({std::move(fields), {}});
  }
  return {std::move(targets), {}};
}

template <class Items, class Text>
Value list_value(const Items& items, Text text) {
  List list;
  list.reserve(items.size());
  for (const auto& item : items) list.push_back(text_value(std::string(text(item))));
  return {std::move(list), {}};
}

Table target_table(const Deployment& deployment) {
  Table table = deployment.written;
  table.emplace_back("type", text_value(deployment.type));
  return table;
}

std::string hash(const Table& table) {
  std::string json;
  append_json(json, table);
  return base::hex(pki::sha256(base::as_bytes(json)));
}

}  // namespace

Table to_table(const Deployment& deployment) {
  Table table{{"type", text_value(deployment.type)}};
  table.insert(table.end(), deployment.written.begin(), deployment.written.end());
  table.emplace_back("verify", verify_value(deployment));
  if (deployment.verify_timeout != Deployment().verify_timeout)
    table.emplace_back("verify_timeout", text_value(base::format_duration(deployment.verify_timeout)));
  return table;
}

Table to_table(const Certificate& certificate) {
  Table table{
      {"identifiers", list_value(certificate.identifiers, [](const pki::Identifier& i) { return i.text(); })},
      {"issuer", list_value(certificate.issuers, [](const Name& name) { return name.text(); })},
  };
  if (!certificate.environment.empty()) table.emplace_back("environment", text_value(certificate.environment));
  if (!certificate.team.empty()) table.emplace_back("team", text_value(certificate.team));
  if (certificate.profile) table.emplace_back("profile", text_value(*certificate.profile));
  table.emplace_back("key", text_value(std::string(pki::to_string(certificate.key))));
  if (!certificate.subject.empty()) table.emplace_back("subject", text_value(certificate.subject.text()));
  if (certificate.lifetime) table.emplace_back("lifetime", text_value(base::format_duration(*certificate.lifetime)));
  if (certificate.deployments.empty()) return table;
  Table deployments;
  for (const Deployment& deployment : certificate.deployments)
    deployments.emplace_back(deployment.name.text(), Value{to_table(deployment), {}});
  table.emplace_back("deploy", Value{std::move(deployments), {}});
  return table;
}

std::string normal_form(const Certificate& certificate) {
  Table table = to_table(certificate);
  table.emplace_back("name", text_value(certificate.name.text()));
  std::string json;
  append_json(json, table);
  return json;
}

Certificate from_normal_form(std::string_view json, const Kinds& kinds) {
  const nlohmann::json parsed = nlohmann::json::parse(json, nullptr, false);
  if (!parsed.is_object()) throw Error(Fault::config, "the normal form of a certificate is not a JSON object");
  Value value = from_json(parsed, 0);
  auto& table = std::get<Table>(value.data);
  const Value* const written = base::find(table, "name");
  const auto* const text = written == nullptr ? nullptr : std::get_if<std::string>(&written->data);
  if (text == nullptr) throw Error(Fault::config, "the normal form of a certificate has no name");
  const Name name = Name::parse(*text, "certificate name");
  std::erase_if(table, [](const auto& entry) { return entry.first == "name"; });

  base::Problems problems;
  Reader reader{kinds, problems};
  const std::string key = "certificate." + name.text();
  Certificate certificate = read_certificate({name, table, key, value.origin}, reader);
  if (problems.empty()) return certificate;
  std::string message = fmt::format("what is stored of certificate {} is not understood any more", name);
  for (const base::Problem& problem : problems) message += "\n  " + base::to_string(problem);
  throw Error(Fault::config, std::move(message));
}

std::string target_form(const Deployment& deployment) {
  std::string json;
  append_json(json, target_table(deployment));
  return json;
}

Deployment from_target_form(std::string_view json, const Name& name, const Kinds& kinds) {
  const auto refuse = [&](const std::string& why) {
    return Error(Fault::config,
                 fmt::format("what is stored of the target {} is not understood any more: {}", name, why));
  };
  const nlohmann::json parsed = nlohmann::json::parse(json, nullptr, false);
  if (!parsed.is_object()) throw refuse("no JSON object");
  Value value = from_json(parsed, 0);
  auto& table = std::get<Table>(value.data);
  Deployment deployment;
  deployment.name = name;
  if (const Value* const type = base::find(table, "type"))
    if (const auto* const text = std::get_if<std::string>(&type->data)) deployment.type = *text;
  const auto kind = std::ranges::find(kinds.deploy, deployment.type, &KindOptions::name);
  if (kind == kinds.deploy.end()) throw refuse(fmt::format("there is no kind '{}'", base::printable(deployment.type)));
  std::erase_if(table, [](const auto& entry) {
    return entry.first == "type" || entry.first == "verify" || entry.first == "verify_timeout";
  });
  base::Problems problems;
  deployment.options = validate_declared(table, kind->options, "deploy." + name.text(), {}, problems);
  if (!problems.empty()) throw refuse(base::to_string(problems.front()));
  deployment.written = std::move(table);
  return deployment;
}

std::string place_of(const Deployment& deployment) {
  const Value* const directory = base::find(deployment.written, "directory");
  const auto* const path = directory == nullptr ? nullptr : std::get_if<std::string>(&directory->data);
  return path == nullptr ? std::string() : fmt::format("{} {}", deployment.type, *path);
}

std::string directory_in_form(std::string_view json) {
  const nlohmann::json parsed = nlohmann::json::parse(json, nullptr, false);
  const auto directory = parsed.is_object() ? parsed.find("directory") : parsed.end();
  return directory != parsed.end() && directory->is_string() ? directory->get<std::string>() : std::string();
}

std::string issuance_hash(const Certificate& certificate) {
  Table table = to_table(certificate);
  std::erase_if(table, [](const auto& entry) {
    return entry.first == "issuer" || entry.first == "environment" || entry.first == "deploy" ||
           entry.first == "identifiers";
  });
  // The first one is special (a server's CN is copied from it), the order of the others means nothing.
  std::vector<std::string> identifiers;
  for (const pki::Identifier& identifier : certificate.identifiers) identifiers.push_back(identifier.text());
  if (!identifiers.empty()) table.emplace_back("first", text_value(identifiers.front()));
  std::ranges::sort(identifiers);
  table.emplace_back("identifiers", base::list_value(identifiers));
  return hash(table);
}

std::string deployment_hash(const Deployment& deployment) { return hash(target_table(deployment)); }

}  // namespace everseal::config
