// The internal CA of this host's store.
#include "authority/revoke.h"
#include "authority/sign.h"
#include "issuer/issuer.h"
#include "pki/csr.h"

namespace everseal::issuer {
namespace {

constexpr base::Option kOptions[] = {
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
    const authority::Signed made =
        authority::sign(authority,
                        {.profile = request.profile ? Name::parse(*request.profile, "profile") : profile_,
                         .key = pki::Csr::parse(request.csr),
                         .identifiers = request.identifiers,
                         .subject = request.subject,
                         .lifetime = request.lifetime,
                         .binding = authority::Binding{request.managed, request.version}},
                        now);
    return {authority::full_chain(authority, made.leaf), made.warnings};
  }

  void revoke(const Revocation& revocation, base::Time now, std::stop_token) override {
    authority::revoke(surroundings_.authority(name_), revocation.certificate, revocation.reason, now);
  }

 private:
  Name name_;
  Name profile_;
  Surroundings surroundings_;
};

std::unique_ptr<Issuer> open(const Name&, const base::Options& options, const Surroundings& surroundings) {
  return std::make_unique<AuthorityIssuer>(options, surroundings);
}

}  // namespace

extern const Kind authority_kind;
const Kind authority_kind{"authority", "the internal CA of this host", kOptions, open};

}  // namespace everseal::issuer
