#include "certificate_arguments.h"

#include "base/error.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

using base::Error;
using base::Fault;
using base::list_value;
using base::text_value;
using base::Value;

std::string absolute(const std::string& path) { return std::filesystem::absolute(path).lexically_normal().string(); }

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

// What a CSR asks for, each once.
std::vector<std::string> identifiers_of(const pki::Csr& csr) {
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
  note(fmt::format("everseal: the CSR names no identifier: its CN {} was taken\n", text));
  return {text};
}

void add_text(const Arguments& arguments, std::string_view option, std::string_view key, base::Table& table) {
  if (const auto text = arguments.one(option))
    table.emplace_back(key, text_value(*text, {fmt::format("--{}", option)}));
}

void add_path(const Arguments& arguments, std::string_view option, std::string_view key, base::Table& table) {
  if (const auto path = arguments.one(option))
    table.emplace_back(
        key, text_value(path->starts_with("credential:") ? *path : absolute(*path), {fmt::format("--{}", option)}));
}

base::Table deployment(const Arguments& arguments) {
  base::Table table;
  add_path(arguments, "deploy-dir", "directory", table);
  if (const auto p12 = arguments.one("p12")) {
    const base::Origin origin{"--p12"};
    if (!arguments.has("password-file"))
      throw Error(Fault::usage, "--p12 needs --password-file",
                  "a PKCS#12 file without a password is not read everywhere");
    base::List contents{text_value("fullchain", origin), text_value("privkey", origin)};
    contents.push_back(
        {base::Table{{"content", text_value("p12", origin)}, {"file", text_value(*p12, origin)}}, origin});
    table.emplace_back("contents", Value{std::move(contents), origin});
  }
  add_path(arguments, "password-file", "p12_password_file", table);
  add_text(arguments, "owner", "owner", table);
  add_text(arguments, "mode", "mode", table);
  if (const auto reload = arguments.one("reload"))
    table.emplace_back("reload", list_value(command_argument(*reload, "--reload"), {"--reload"}));
  if (const std::vector<std::string> targets = arguments.all("verify"); targets == std::vector<std::string>{"none"})
    table.emplace_back("verify", text_value("none", {"--verify"}));
  else if (!targets.empty())
    table.emplace_back("verify", list_value(targets, {"--verify"}));
  return table;
}

}  // namespace

pki::Identifier identifier_argument(std::string_view text) {
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

std::vector<std::string> command_argument(std::string_view text, std::string_view option) {
  const auto words = base::split_words(text);
  if (!words || words->empty())
    throw Error(Fault::usage, fmt::format("{}: '{}' is not a command", option, base::printable(text)),
                "is a quote left open?");
  constexpr std::array<std::string_view, 10> kShell{"&&", "||", "|", ";", "&", ">", ">>", "<", "2>", "2>&1"};
  for (const std::string& word : *words)
    if (std::ranges::find(kShell, word) != kShell.end() || (word.size() > 1 && word.ends_with(';')) ||
        word.starts_with("2>") || word.starts_with(">/") || word.starts_with("$("))
      throw Error(Fault::usage,
                  fmt::format("{} is run without a shell, and '{}' would be handed to {} as it stands", option,
                              base::printable(word), base::printable(words->front())),
                  fmt::format("write it into a script, or hand it to a shell: {} \"sh -c '...'\"", option));
  return *words;
}

reconcile::IssueRequest issue_request(const Context& context, const pki::Csr* csr) {
  const Arguments& arguments = context.arguments;
  reconcile::IssueRequest request;
  base::Table& options = request.options;
  if (csr != nullptr) {
    request.csr = csr->der;
    request.keep = reconcile::Keep::once;
    for (const std::string_view option :
         {"key", "deploy-dir", "owner", "mode", "p12", "password-file", "reload", "verify"})
      if (arguments.has(option))
        throw Error(Fault::usage, fmt::format("--{} and --csr exclude each other", option),
                    "the key of a CSR lives elsewhere, and so does what is served with it");
  }
  if (arguments.has("once")) request.keep = reconcile::Keep::once;

  std::vector<std::string> identifiers;
  for (const std::string& text : arguments.all("domain")) identifiers.push_back(identifier_argument(text).text());
  if (csr != nullptr && identifiers.empty()) identifiers = identifiers_of(*csr);
  if (!identifiers.empty()) options.emplace_back("identifiers", list_value(identifiers, {"-d"}));
  if (const std::vector<std::string> issuers = arguments.all("issuer"); !issuers.empty())
    options.emplace_back("issuer", list_value(issuers, {"--issuer"}));
  for (const std::string_view option : {"environment", "profile", "key", "subject", "lifetime"})
    add_text(arguments, option, option, options);
  if (base::Table table = deployment(arguments); !table.empty()) {
    base::Table deployments;
    deployments.emplace_back("files", Value{std::move(table), {"--deploy-dir"}});
    options.emplace_back("deploy", Value{std::move(deployments), {"--deploy-dir"}});
  }

  if (const auto name = arguments.one("as")) request.name = base::Name::parse(*name, "certificate name");
  if (arguments.has("replace")) request.existing = reconcile::OnExisting::replace;
  if (arguments.has("dry-run")) request.effect = reconcile::Effect::rehearsed;
  if (arguments.has("make-dir")) request.deploy_directory = reconcile::MissingDirectory::made;
  return request;
}

}  // namespace everseal::cli
