#include "certificate_arguments.h"

#include "base/error.h"
#include "base/text.h"
#include "reconcile/kinds.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

using base::Error;
using base::Fault;
using base::list_value;
using base::text_value;
using base::Value;

std::string absolute(const std::string& path) { return std::filesystem::absolute(path).lexically_normal().string(); }

void add_deployment(const Context& context, config::Certificate& certificate) {
  const Arguments& arguments = context.arguments;
  const auto directory = arguments.one("deploy-dir");
  for (const std::string_view option : {"owner", "mode", "p12", "reload", "verify", "password-file"})
    if (!directory && arguments.has(option))
      throw Error(Fault::usage, fmt::format("--{} needs --deploy-dir", option),
                  "say into which directory the files are to be written");
  if (!directory) return;
  base::Table written;
  written.emplace_back("directory", text_value(absolute(*directory), {"--deploy-dir"}));
  base::List contents{text_value("fullchain", {"--deploy-dir"}), text_value("privkey", {"--deploy-dir"})};
  if (const auto p12 = arguments.one("p12")) {
    const auto password = arguments.one("password-file");
    if (!password)
      throw Error(Fault::usage, "--p12 needs --password-file",
                  "a PKCS#12 file without a password is not read everywhere");
    contents.push_back(
        {base::Table{{"content", text_value("p12", {"--p12"})}, {"file", text_value(*p12, {"--p12"})}}, {"--p12", 0}});
    written.emplace_back("p12_password_file", text_value(absolute(*password), {"--password-file"}));
  }
  written.emplace_back("contents", Value{std::move(contents), {"--deploy-dir", 0}});
  for (const std::string option : {"owner", "mode"})
    if (const auto value = arguments.one(option)) written.emplace_back(option, text_value(*value, {"--" + option}));
  if (const auto reload = arguments.one("reload")) {
    const auto words = base::split_words(*reload);
    if (!words || words->empty())
      throw Error(Fault::usage, fmt::format("--reload: '{}' is not a command", base::printable(*reload)),
                  "is a quote left open?");
    written.emplace_back("reload", list_value(*words, {"--reload"}));
  }
  std::vector<std::string> verify = arguments.all("verify");
  config::Deployment deployment = config::make_deployment(base::Name::parse("files"), "files", written, verify,
                                                          reconcile::config_kinds({}), certificate.name);
  certificate.deployments.push_back(std::move(deployment));
}

}  // namespace

config::Certificate certificate_from_arguments(const Context& context, const pki::Csr* csr) {
  const Arguments& arguments = context.arguments;
  config::Certificate certificate;
  for (const std::string& text : arguments.all("domain"))
    certificate.identifiers.push_back(pki::Identifier::parse(text));
  if (csr != nullptr && certificate.identifiers.empty())
    for (const pki::GeneralName& name : csr->names)
      if (const auto identifier = pki::to_identifier(name)) certificate.identifiers.push_back(*identifier);
  if (const auto subject = arguments.one("subject"))
    certificate.subject = pki::DistinguishedName::parse(*subject);
  else if (csr != nullptr)
    certificate.subject = csr->subject;
  const auto common_name = certificate.subject.first("CN");
  if (certificate.identifiers.empty() && !common_name)
    throw Error(Fault::usage, "there is no identifier",
                "name what the certificate speaks for with -d, for example -d www.example.org");
  if (const auto name = arguments.one("as"))
    certificate.name = base::Name::parse(*name, "certificate name");
  else
    certificate.name = base::Name::made_of(
        certificate.identifiers.empty() ? *common_name : certificate.identifiers.front().text(), "certificate name");
  for (const std::string& issuer : arguments.all("issuer"))
    certificate.issuers.push_back(base::Name::parse(issuer, "issuer"));
  if (certificate.issuers.empty())
    throw Error(Fault::usage, "there is no issuer",
                "name one with --issuer: an authority (`everseal ca list`) or an [issuer.NAME] of the config");
  if (const auto profile = arguments.one("profile"))
    certificate.profile = base::Name::parse(*profile, "profile").text();
  if (const auto environment = arguments.one("environment")) certificate.environment = *environment;
  if (const auto key = arguments.one("key")) {
    const auto type = pki::parse_key_type(*key);
    if (!type)
      throw Error(Fault::usage, fmt::format("there is no key type '{}'", base::printable(*key)),
                  "one of: ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072, rsa-4096, ed25519");
    certificate.key = *type;
  }
  if (const auto lifetime = arguments.one("lifetime"))
    certificate.lifetime = duration_argument(*lifetime, "--lifetime");
  add_deployment(context, certificate);
  return certificate;
}

}  // namespace everseal::cli
