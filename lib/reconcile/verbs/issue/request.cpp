#include "reconcile/verbs/issue/request.h"

#include "base/error.h"
#include "base/text.h"
#include "pki/csr.h"
#include "reconcile/fields.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using base::Error;
using base::Fault;
using base::OptionType;
using base::Value;

constexpr base::Option kFields[] = {
    {.name = "issuer",
     .type = OptionType::names,
     .summary = "who signs: an [issuer.NAME] or an authority; again: the next to try"},
    {.name = "identifiers",
     .type = OptionType::names,
     .summary = "an identifier: DNS name, IP address, e-mail or URI; again for more"},
    {.name = "name", .summary = "the certificate's name; default: the first identifier"},
    {.name = "profile", .summary = "what it may be used for: server, client, peer, or one of the config"},
    {.name = "subject", .summary = "a subject beyond the identifiers, \"O=Acme, CN=alice\""},
    {.name = "key", .summary = "ecdsa-p256 (default), ecdsa-p384, rsa-2048, rsa-3072, rsa-4096, ed25519"},
    {.name = "lifetime", .type = OptionType::duration, .summary = "how long it lives, where the issuer lets us choose"},
    {.name = "environment", .summary = "a label: prod, staging, ..."},
    {.name = "once", .type = OptionType::boolean, .summary = "issue it now and do not keep it alive"},
    {.name = "csr", .summary = "PEM of a CSR whose key stays elsewhere; implies once"},
    {.name = "replace",
     .type = OptionType::boolean,
     .summary = "write the name's table anew; with --once or --csr: issue again"},
    {.name = "dry_run",
     .type = OptionType::boolean,
     .summary = "say what would be done, try it at the issuer's staging CA, change nothing"},
    {.name = "deploy_dir",
     .type = OptionType::directory,
     .summary = "write fullchain.pem and privkey.pem into this directory"},
    {.name = "make_dir", .type = OptionType::boolean, .summary = "make that directory where it is missing"},
    {.name = "owner", .type = OptionType::owner, .summary = "owner of the deployed files, \"user:group\""},
    {.name = "mode", .type = OptionType::mode, .summary = "mode of the deployed key, \"0640\""},
    {.name = "p12", .summary = "also deploy a PKCS#12 file of this name into the directory"},
    {.name = "password_file", .type = OptionType::secret_file, .summary = "the file that holds the PKCS#12 password"},
    {.name = "reload",
     .type = OptionType::command,
     .summary = "the command that makes the server read its files again; no shell"},
    {.name = "verify",
     .type = OptionType::names,
     .summary = "the listener that must then serve it, HOST:PORT; again for more; none: there is none"},
};

bool is_identifier(const std::string& text) {
  try {
    static_cast<void>(pki::Identifier::parse(text));
    return true;
  } catch (const Error&) {
    return false;
  }
}

// Of a URL that a browser knows: the host, for who pasted one.
std::optional<std::string> host_of_url(std::string_view text) {
  for (const std::string_view scheme : {"https://", "http://"})
    if (base::lower(text).starts_with(scheme)) {
      const std::string_view rest = text.substr(scheme.size());
      return std::string(rest.substr(0, rest.find_first_of("/?#:")));
    }
  return std::nullopt;
}

pki::Identifier named_identifier(std::string_view text) {
  constexpr std::string_view kUri = "uri:";
  if (base::lower(text).starts_with(kUri))
    return pki::Identifier::parse(pki::IdentifierKind::uri, text.substr(kUri.size()));
  if (const auto host = host_of_url(text))
    throw Error(
        Fault::usage,
        fmt::format("-d: '{}' is the address of a page, and a server is named by its host", base::printable(text)),
        fmt::format("did you mean -d {}? a certificate for the URL itself: -d uri:{}", base::printable(*host),
                    base::printable(text)));
  const std::vector<std::string> parts = base::split(text, ',');
  if (parts.size() > 1 && std::ranges::all_of(parts, is_identifier))
    throw Error(Fault::usage, fmt::format("-d: '{}' is several identifiers", base::printable(text)),
                fmt::format("say -d once for each: -d {}", base::join(parts, " -d ")));
  return base::within("-d", [&] { return pki::Identifier::parse(text); });
}

// What a CSR asks for, each once.
std::vector<std::string> identifiers_of(const pki::Csr& csr, const Host& host) {
  std::vector<std::string> texts;
  std::set<pki::Identifier> seen;
  for (const pki::GeneralName& name : csr.names) {
    const auto identifier = pki::to_identifier(name);
    if (!identifier)
      throw Error(Fault::invalid,
                  fmt::format("the CSR's {} name {}: no identifier that can be certified", to_string(name.kind),
                              base::printable(name.value)),
                  "name with -d what the certificate is to speak for");
    if (seen.insert(*identifier).second) texts.push_back(identifier->text());
  }
  if (!texts.empty()) return texts;
  const auto common_name = csr.subject.first("CN");
  if (!common_name || !is_identifier(*common_name))
    throw Error(Fault::invalid, "the CSR names no identifier, and every certificate speaks for one", "name it with -d");
  const std::string text = pki::Identifier::parse(*common_name).text();
  host.progress({Progress::Kind::warning, "csr", fmt::format("it names no identifier: its CN {} was taken", text)});
  return {text};
}

void add_text(const base::Options& fields, std::string_view field, std::string_view key, base::Table& table) {
  if (!fields.has(field)) return;
  std::string option = fmt::format("--{}", field);
  std::ranges::replace(option, '_', '-');
  table.emplace_back(key, base::text_value(fields.string(field), {option}));
}

base::Table deployment(const base::Options& fields) {
  base::Table table;
  add_text(fields, "deploy_dir", "directory", table);
  if (fields.has("p12")) {
    const base::Origin origin{"--p12"};
    if (!fields.has("password_file"))
      throw Error(Fault::usage, "--p12 needs --password-file",
                  "a PKCS#12 file without a password is not read everywhere");
    base::List contents{base::text_value("fullchain", origin), base::text_value("privkey", origin)};
    contents.push_back({base::Table{{"content", base::text_value("p12", origin)},
                                    {"file", base::text_value(fields.string("p12"), origin)}},
                        origin});
    table.emplace_back("contents", Value{std::move(contents), origin});
  }
  add_text(fields, "password_file", "p12_password_file", table);
  add_text(fields, "owner", "owner", table);
  if (const auto mode = fields.mode("mode"))
    table.emplace_back("mode", base::text_value(fmt::format("{:04o}", *mode), {"--mode"}));
  if (const std::vector<std::string> reload = fields.strings("reload"); !reload.empty())
    table.emplace_back("reload", base::list_value(reload, {"--reload"}));
  if (const std::vector<std::string> targets = fields.strings("verify"); targets == std::vector<std::string>{"none"})
    table.emplace_back("verify", base::text_value("none", {"--verify"}));
  else if (!targets.empty())
    table.emplace_back("verify", base::list_value(targets, {"--verify"}));
  return table;
}

void require_no_key_of_ours(const base::Options& fields) {
  for (const std::string_view field :
       {"key", "deploy_dir", "owner", "mode", "p12", "password_file", "reload", "verify"}) {
    if (!fields.has(field)) continue;
    std::string option(field);
    std::ranges::replace(option, '_', '-');
    throw Error(Fault::usage, fmt::format("--{} and --csr exclude each other", option),
                "the key of a CSR lives elsewhere, and so does what is served with it");
  }
}

}  // namespace

std::span<const base::Option> issue_fields() noexcept { return kFields; }

IssueRequest issue_request(const base::Options& fields, const Host& host) {
  IssueRequest request;
  base::Table& options = request.options;
  std::optional<pki::Csr> csr;
  if (fields.has("csr")) {
    require_no_key_of_ours(fields);
    csr = pki::Csr::parse(base::as_bytes(fields.string("csr")));
    request.csr = csr->der;
  }
  if (csr || fields.boolean("once")) request.keep = Keep::once;

  std::vector<std::string> identifiers;
  for (const std::string& text : fields.strings("identifiers")) identifiers.push_back(named_identifier(text).text());
  if (csr && identifiers.empty()) identifiers = identifiers_of(*csr, host);
  if (!identifiers.empty()) options.emplace_back("identifiers", base::list_value(identifiers, {"-d"}));
  if (const std::vector<std::string> issuers = fields.strings("issuer"); !issuers.empty())
    options.emplace_back("issuer", base::list_value(issuers, {"--issuer"}));
  for (const std::string_view field : {"environment", "profile", "key", "subject"})
    add_text(fields, field, field, options);
  if (const auto lifetime = fields.duration("lifetime"))
    options.emplace_back("lifetime", base::text_value(base::format_duration(*lifetime), {"--lifetime"}));
  if (base::Table table = deployment(fields); !table.empty()) {
    base::Table deployments;
    deployments.emplace_back("files", Value{std::move(table), {"--deploy-dir"}});
    options.emplace_back("deploy", Value{std::move(deployments), {"--deploy-dir"}});
  }

  if (fields.has("name")) request.name = name_in(fields, "name", "certificate name");
  if (fields.boolean("replace")) request.existing = OnExisting::replace;
  if (fields.boolean("dry_run")) request.effect = Effect::rehearsed;
  if (fields.boolean("make_dir")) request.deploy_directory = MissingDirectory::made;
  return request;
}

}  // namespace everseal::reconcile
