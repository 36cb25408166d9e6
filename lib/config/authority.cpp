#include "base/error.h"
#include "base/text.h"
#include "config/reader.h"

#include <fmt/format.h>

namespace everseal::config {
namespace {

std::vector<std::string> read_constraints(const Named& from, std::string_view option, const base::Options& options,
                                          Reader& reader) {
  std::vector<std::string> texts = options.strings(option);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    try {
      pki::NameConstraint::parse(texts[i]);
    } catch (const base::Error& error) {
      reader.complain(origin_of_item(from.table, option, i, from.origin), fmt::format("{}.{}", from.key, option),
                      error.message(), error.hint());
    }
  }
  return texts;
}

// Clients fetch these over plain http: to check the certificate of an https server they would need them first.
std::optional<std::string> read_url(const Named& from, std::string_view option, const base::Options& options,
                                    Reader& reader) {
  if (!options.has(option)) return std::nullopt;
  std::string url = options.string(option);
  const auto complain = [&](std::string message, std::string hint) {
    reader.complain(origin_of(from.table, option, from.origin), fmt::format("{}.{}", from.key, option),
                    std::move(message), std::move(hint));
  };
  constexpr std::string_view scheme = "http://";
  if (!url.starts_with(scheme)) {
    complain(fmt::format("'{}' is no http:// URL", base::printable(url.substr(0, 80))),
             "it is fetched over plain http, as checking https would need it first; it is signed all the same");
  } else {
    try {
      pki::Identifier::parse(pki::IdentifierKind::uri, url);
    } catch (const base::Error& error) {
      complain(error.message(), error.hint());
    }
  }
  return url;
}

}  // namespace

Authority read_authority(const Named& from, Reader& reader) {
  Authority authority;
  authority.name = from.name;
  authority.origin = from.origin;
  const base::Options options = read_options(from, Section::authority, reader);
  if (options.has("passphrase_file")) authority.passphrase_file = options.string("passphrase_file");
  authority.permitted = read_constraints(from, "permitted", options, reader);
  authority.excluded = read_constraints(from, "excluded", options, reader);
  authority.crl_url = read_url(from, "crl_url", options, reader);
  authority.issuer_url = read_url(from, "issuer_url", options, reader);
  authority.crl_lifetime = options.duration("crl_lifetime");
  authority.longest = options.duration("longest");
  authority.allow = read_patterns(from, "allow", options, reader);
  authority.deny = read_patterns(from, "deny", options, reader);
  if (const auto settle = options.duration("settle")) authority.settle = *settle;
  authority.publish = read_deployments(from, "publish", Section::publication, reader);
  return authority;
}

}  // namespace everseal::config
