// The internal CA of this host's store.
#include "authority/draft.h"
#include "authority/revoke.h"
#include "authority/sign.h"
#include "issuer/issuer.h"
#include "pki/csr.h"

#include <fmt/format.h>

namespace everseal::issuer {
namespace {

constexpr base::Option kAuthorityOptions[] = {
    {.name = "authority",
     .type = base::OptionType::string,
     .summary = "the name of the authority (`everseal ca init NAME`)",
     .required = true},
    {.name = "profile",
     .type = base::OptionType::string,
     .summary = "the profile of certificates that name none",
     .fallback = "server"},
};

class AuthorityIssuer final : public Issuer {
 public:
  AuthorityIssuer(const base::Options& options, const Surroundings& surroundings)
      : name_(Name::parse(options.string("authority"), "authority")),
        profile_(Name::parse(options.string("profile"), "profile")),
        surroundings_(surroundings) {}

  Issued issue(const Request& request, base::Time now, std::stop_token) override {
    authority::Authority& authority = surroundings_.authority(name_);
    authority::Request wanted = request_of(request);
    wanted.binding = authority::Binding{request.managed, request.version};
    const authority::Signed made = authority::sign(authority, wanted, now);
    return {authority::full_chain(authority, made.leaf), made.warnings};
  }

  void revoke(const Revocation& revocation, base::Time now, std::stop_token) override {
    authority::revoke(surroundings_.authority(name_), revocation.certificate, revocation.reason, now);
  }

  // All rules are asked, and nothing is signed.
  std::string rehearse(const Request& request, base::Time now, std::stop_token) override {
    const authority::Draft draft = authority::draft(surroundings_.authority(name_), request_of(request), now);
    std::string text = fmt::format("authority {} would sign it for {}, until {}", name_,
                                   pki::to_string(draft.wanted.identifiers), base::format_time(draft.wanted.not_after));
    for (const std::string& warning : draft.warnings) text += "; " + warning;
    return text;
  }

 private:
  authority::Request request_of(const Request& request) const {
    return {.profile = request.profile ? Name::parse(*request.profile, "profile") : profile_,
            .key = pki::Csr::parse(request.csr),
            .identifiers = request.identifiers,
            .subject = request.subject,
            .lifetime = request.lifetime,
            .binding = std::nullopt};
  }

  Name name_;
  Name profile_;
  Surroundings surroundings_;
};

std::unique_ptr<Issuer> open_authority(const Name&, const base::Options& options, const Surroundings& surroundings) {
  return std::make_unique<AuthorityIssuer>(options, surroundings);
}

}  // namespace

extern const Kind authority_kind;
const Kind authority_kind{"authority", "the internal CA of this host", kAuthorityOptions, open_authority};

}  // namespace everseal::issuer
