// How long an authority's key stays open: from its first use until somebody drops it.
#include "base/file.h"
#include "pki/csr.h"
#include "pki/key.h"
#include "reconcile/request.h"
#include "reconcile/verbs/ca_crl.h"
#include "reconcile/verbs/ca_init.h"
#include "reconcile/verbs/ca_sign.h"
#include "site.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::reconcile;
using base::Fault;

namespace {

// A host whose authority "safe" has an encrypted key.
struct Guarded : Site {
  std::string passphrase_file = root.path() + "/passphrase";
  base::Bytes csr = pki::make_csr({{}, {pki::Identifier::parse("a.example.test")}},
                                  pki::PrivateKey::generate(pki::KeyType::ecdsa_p256));

  Guarded() {
    write_passphrase("correct horse battery");
    std::ofstream(root.path() + "/config/everseal.toml")
        << fmt::format("config_version = 1\n[authority.safe]\npassphrase_file = \"{}\"\n", passphrase_file);
    CaInitRequest wanted;
    wanted.ceremony.name = Name::parse("safe");
    ca_init(host, std::move(wanted));
  }
  void write_passphrase(std::string_view text) const {
    base::write_file(passphrase_file, base::as_bytes(text), {.user = {}, .group = {}, .mode = 0600});
  }
  // What came of it; nullopt: it was signed.
  std::optional<Fault> sign() const {
    CaSignRequest wanted = ca_sign_request(validated(ca_sign_verb, {{"name", base::text_value("safe")}}));
    wanted.count = 1;
    wanted.csr = [&](std::size_t) { return csr; };
    return fault_of_signing(host, wanted);
  }
};

}  // namespace

TEST_CASE("a passphrase is asked once for all verbs of a process, until the key is dropped") {
  const Guarded site;
  CHECK(site.sign() == std::nullopt);
  site.write_passphrase("another horse");
  CHECK(site.sign() == std::nullopt);
  CHECK(ca_crl(site.host, Name::parse("safe")).exit_code() == 0);
  site.host.keys->drop(Name::parse("corp"));
  CHECK(site.sign() == std::nullopt);
  site.host.keys->drop(Name::parse("safe"));
  CHECK(site.sign() == Fault::invalid);
  site.write_passphrase("correct horse battery");
  CHECK(site.sign() == std::nullopt);
}

TEST_CASE("another process knows no key of ours") {
  const Guarded site;
  CHECK(site.sign() == std::nullopt);
  site.write_passphrase("another horse");
  Host other = site.host;
  other.keys = std::make_shared<authority::KeyRing>();
  const auto fault = [&] {
    try {
      ca_crl(other, Name::parse("safe"));
    } catch (const base::Error& error) {
      return std::optional(error.fault());
    }
    return std::optional<Fault>();
  };
  CHECK(fault() == Fault::invalid);
}
