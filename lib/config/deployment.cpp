#include "base/error.h"
#include "base/number.h"
#include "base/text.h"
#include "config/reader.h"
#include "config/toml.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

namespace everseal::config {
namespace {

constexpr std::string_view kVerifyHint =
    R"(say verify = ["127.0.0.1:443"] with the listeners, or verify = "none" where there is none)";

// HOST:PORT, an IPv6 address in brackets.
bool is_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view host = text.substr(0, colon);
  if (base::parse_number<std::uint16_t>(text.substr(colon + 1)).value_or(0) == 0) return false;
  const bool bracketed = host.starts_with('[');
  if (bracketed != host.ends_with(']')) return false;
  try {
    const pki::Identifier identifier = pki::Identifier::parse(host);
    if (identifier.kind() == pki::IdentifierKind::ip)
      return bracketed == (identifier.text().find(':') != std::string::npos);
    return identifier.kind() == pki::IdentifierKind::dns && !identifier.is_wildcard() && !bracketed;
  } catch (const base::Error&) {
    return false;
  }
}

bool is_none(const base::Value& verify) {
  const auto* const text = std::get_if<std::string>(&verify.data);
  return text != nullptr && *text == "none";
}

void check_target(const VerifyTarget& target, const base::Table& written, const base::Origin& origin,
                  const std::string& key, Reader& reader) {
  if (!target.connect.empty() && !is_endpoint(target.connect))
    reader.complain(origin_of(written, "connect", origin), key + ".connect",
                    fmt::format("'{}' is not HOST:PORT", base::printable(target.connect)),
                    "write for example \"127.0.0.1:443\" or \"[::1]:443\"");
  if (!target.sni.empty()) {
    try {
      pki::require_server_name(target.sni);
    } catch (const base::Error& error) {
      reader.complain(origin_of(written, "sni", origin), key + ".sni", error.message(), error.hint());
    }
  }
  const auto& protocols = reader.kinds.starttls;
  if (!target.starttls.empty() && !protocols.empty() &&
      std::ranges::find(protocols, target.starttls) == protocols.end())
    reader.complain(origin_of(written, "starttls", origin), key + ".starttls",
                    fmt::format("'{}' is not a protocol we speak", base::printable(target.starttls)),
                    fmt::format("one of: {}", base::join(protocols, ", ")));
}

void read_verification(const Named& from, const base::Options& options, Deployment& deployment, Reader& reader) {
  const std::string key = from.key + ".verify";
  const base::Value* const written = base::find(from.table, "verify");
  if (written == nullptr) {
    reader.complain(from.origin, key, "is missing", std::string(kVerifyHint));
    return;
  }
  if (is_none(*written)) return;
  const auto* const list = std::get_if<base::List>(&written->data);
  if (list != nullptr && list->empty()) {
    reader.complain(written->origin, key, "an empty list verifies nothing", std::string(kVerifyHint));
    return;
  }
  deployment.verification = Verification::probe;
  const auto& items = options.items("verify");
  if (items.size() != (list != nullptr ? list->size() : 1)) return;  // its types are complained of
  for (std::size_t i = 0; i < items.size(); ++i) {
    const base::Options& item = items[i];
    VerifyTarget target{item.string("connect"), item.string("sni"), item.string("starttls"),
                        item.string("addresses") == "all"};
    const base::Value& value = list != nullptr ? (*list)[i] : *written;
    const auto* const fields = std::get_if<base::Table>(&value.data);
    check_target(target, fields != nullptr ? *fields : base::Table(), value.origin,
                 list != nullptr ? fmt::format("{}[{}]", key, i) : key, reader);
    deployment.verify.push_back(std::move(target));
  }
}

// The file that is written: its directory may be reached by several ways. What cannot be looked at is taken as written.
std::string resolved_place(const std::string& claim, Reader& reader) {
  const auto path = std::filesystem::path(claim).lexically_normal();
  if (reader.places == nullptr) return path.string();
  const auto [place, is_new] = reader.places->try_emplace(path.parent_path().string());
  if (is_new) {
    std::error_code error;
    const auto resolved = std::filesystem::weakly_canonical(path.parent_path(), error);
    place->second = error ? place->first : resolved.string();
  }
  return (std::filesystem::path(place->second) / path.filename()).string();
}

// What the kind itself finds wrong, and the files that somebody else writes already.
void check_kind(const Named& from, const KindOptions& kind, const Name& owner, const Deployment& deployment,
                Reader& reader) {
  if (kind.check == nullptr) return;
  std::vector<std::string> claims;
  std::vector<std::string> messages = kind.check(deployment.options, owner, claims);
  for (std::string& message : messages) reader.complain(from.origin, from.key, std::move(message));
  if (!messages.empty()) return;
  for (const std::string& claim : claims) {
    const std::string path = resolved_place(claim, reader);
    const auto [other, is_new] = reader.claims.try_emplace(path, Reader::Claim{from.key, from.origin});
    if (is_new) continue;
    if (other->second.key == from.key)
      reader.complain(from.origin, from.key, fmt::format("writes {} twice", base::printable(path)),
                      "give each content a file of its own");
    else
      reader.complain(from.origin, from.key,
                      fmt::format("writes {}, which {} ({}) writes too", base::printable(path), other->second.key,
                                  base::to_string(other->second.origin)),
                      "give one of them another directory or other file names");
  }
}

constexpr std::string_view kOfAuthority[] = {"crl", "crl_pem", "bundle"};

// What an authority publishes no certificate has, and the other way round. The default is a certificate's.
void check_contents(const Named& from, Section section, const KindOptions& kind, const Deployment& deployment,
                    Reader& reader) {
  if (std::ranges::find(kind.options, "contents", &base::Option::name) == kind.options.end()) return;
  const bool publishes = section == Section::publication;
  const std::string key = from.key + ".contents";
  const std::string hint = publishes ? R"(an authority publishes "crl", "crl_pem" and "bundle")"
                                     : "[authority.NAME.publish] puts it somewhere";
  if (publishes && !deployment.options.has("contents")) return reader.complain(from.origin, key, "is missing", hint);
  for (const base::Options& item : deployment.options.items("contents")) {
    const std::string content = item.string("content");
    const bool is_of_authority = std::ranges::find(kOfAuthority, content) != std::end(kOfAuthority);
    if (is_of_authority != publishes)
      reader.complain(
          origin_of(from.table, "contents", from.origin), key,
          fmt::format("'{}' is of {}", base::printable(content), is_of_authority ? "an authority" : "a certificate"),
          hint);
  }
}

Deployment read_deployment(const Named& from, Section section, const Name& owner, Reader& reader) {
  Deployment deployment;
  deployment.name = from.name;
  deployment.origin = from.origin;
  const std::size_t before = reader.problems.size();

  auto common = declared(section);
  const KindOptions* const kind = find_kind(from, reader.kinds.deploy, reader);
  common = common.subspan(1);  // `type`, which find_kind read
  if (section == Section::deployment) {
    const base::Value* const verify = base::find(from.table, "verify");
    const bool nothing = verify != nullptr && is_none(*verify);
    base::Table rest;  // without the word "none", which is no listener
    if (nothing)
      for (const auto& entry : from.table)
        if (entry.first != "verify") rest.push_back(entry);
    const base::Options options =
        validate_declared(nothing ? rest : from.table, common, from.key, from.origin, reader.problems);
    read_verification(from, options, deployment, reader);
    if (const auto timeout = options.duration("verify_timeout")) deployment.verify_timeout = *timeout;
  }
  if (kind == nullptr) return deployment;

  deployment.type = kind->name;
  report_unknown(from.table, {declared(section), kind->options}, {}, from.key, reader.problems);
  deployment.options = validate_declared(from.table, kind->options, from.key, from.origin, reader.problems);
  if (reader.problems.size() > before) return deployment;
  deployment.written = normalise(from.table, kind->options, deployment.options);
  // From the normal form, so that equal meaning gives equal options.
  deployment.options = validate_declared(deployment.written, kind->options, from.key, {}, reader.problems);
  check_contents(from, section, *kind, deployment, reader);
  check_kind(from, *kind, owner, deployment, reader);
  return deployment;
}

}  // namespace

Deployment make_deployment(const Name& name, std::string_view type, const base::Table& written,
                           const std::vector<std::string>& verify, const Kinds& kinds, const Name& owner) {
  base::Table table{{"type", {std::string(type), {}}}};
  table.insert(table.end(), written.begin(), written.end());
  base::List targets;
  for (const std::string& target : verify) targets.push_back({target, {}});
  table.emplace_back("verify", targets.empty() ? base::Value{"none", {}} : base::Value{std::move(targets), {}});

  base::Problems problems;
  Reader reader{kinds, problems};
  const base::Origin origin;
  const std::string key = "deploy." + name.text();
  Deployment deployment = read_deployment({name, table, key, origin}, Section::deployment, owner, reader);
  if (problems.empty()) return deployment;
  std::string message = "the deployment that is asked for cannot be:";
  for (const base::Problem& problem : problems) message += "\n  " + base::to_string(problem);
  throw base::Error(base::Fault::usage, std::move(message));
}

std::vector<Deployment> read_deployments(const Named& parent, std::string_view subtable, Section section,
                                         Reader& reader) {
  const base::Value* const value = base::find(parent.table, subtable);
  if (value == nullptr) return {};
  std::vector<Deployment> deployments;
  for (const NamedTable& found : named_tables(*value, dotted(parent.key, subtable), subtable, reader)) {
    const std::size_t before = reader.problems.size();
    Deployment deployment = read_deployment(found.view(), section, parent.name, reader);
    if (reader.problems.size() == before) deployments.push_back(std::move(deployment));
  }
  std::ranges::sort(deployments, {}, &Deployment::name);
  return deployments;
}

}  // namespace everseal::config
