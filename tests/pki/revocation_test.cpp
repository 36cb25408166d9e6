#include "pki/revocation.h"

#include "pki/issued.h"
#include "pki/judge.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {

using namespace everseal;
using namespace everseal::pki;
using namespace everseal::pki::testing;
using State = RevocationStatus::State;

struct Shop {
  Authority root = make_root();
  Authority issuing = make_intermediate(root);
  PrivateKey key = key_of(KeyType::ecdsa_p256, 2);
  Certificate leaf = issue(server_template("www.example.org", key), issuing);
  Certificate other = issue(server_template("other.example.org", key), issuing);
};

// What `openssl ocsp` answers about `asked`, signed by `signer`; `line` of its index says what became of it.
base::Bytes response_of(const Shop& shop, const Certificate& asked, const Authority& signer, char state,
                        const std::string& revoked, const char* digest = "-sha1", const char* days = "1") {
  const Scratch scratch;
  std::string serial = asked.serial();
  for (char& digit : serial) digit = static_cast<char>(std::toupper(static_cast<unsigned char>(digit)));
  const std::string ca = scratch.write("ca.pem", shop.issuing.certificate.pem());
  scratch.write("index", std::string(1, state) + "\t401231235959Z\t" + revoked + "\t" + serial + "\tunknown\t/CN=x\n");
  judge::run({"openssl", "ocsp", digest, "-issuer", ca, "-cert", scratch.write("leaf.pem", asked.pem()), "-no_nonce",
              "-reqout", scratch.path("request")});
  judge::run({"openssl", "ocsp", "-index", scratch.path("index"), "-CA", ca, "-rsigner",
              scratch.write("signer.pem", signer.certificate.pem()), "-rkey",
              scratch.write("signer.key", signer.key.pem().reveal_text()), "-reqin", scratch.path("request"), "-ndays",
              days, "-respout", scratch.path("response")});
  return base::read_file(scratch.path("response"), 1 << 20);
}

}  // namespace

TEST_CASE("an OCSP response of the issuer, or of whom it delegated that to, tells what became of the certificate") {
  const Shop shop;
  const base::Time now = base::wall_clock();
  const auto status = [&](base::BytesView response) {
    return status_by_ocsp(response, shop.leaf, shop.issuing.certificate, now);
  };
  for (const char* const digest : {"-sha1", "-sha256"}) {
    CAPTURE(digest);
    CHECK(status(response_of(shop, shop.leaf, shop.issuing, 'V', "", digest)).state == State::good);
  }
  const RevocationStatus revoked =
      status(response_of(shop, shop.leaf, shop.issuing, 'R', "260101000000Z,keyCompromise"));
  CHECK(revoked.state == State::revoked);
  CHECK(revoked.reason == "keyCompromise");
  CHECK(revoked.when == base::parse_time("2026-01-01T00:00:00Z"));

  Template wanted = server_template("ocsp.example.org", key_of(KeyType::ecdsa_p256, 3));
  wanted.extended_key_usage = {"OCSPSigning"};
  const Authority delegate{issue(wanted, shop.issuing), key_of(KeyType::ecdsa_p256, 3)};
  CHECK(status(response_of(shop, shop.leaf, delegate, 'V', "")).state == State::good);
}

TEST_CASE("an OCSP response that is no proof is unknown, and says why") {
  const Shop shop;
  const base::Time now = base::wall_clock();
  const base::Bytes good = response_of(shop, shop.leaf, shop.issuing, 'V', "");
  const Authority stranger = make_root(KeyType::ecdsa_p256, 9, "Stranger");
  const Authority server{shop.other, shop.key};  // of the issuer, but for other things
  struct Row {
    const char* name;
    base::Bytes response;
    base::Time at;
    const char* says;
  };
  const Row rows[] = {
      {"of another certificate", response_of(shop, shop.other, shop.issuing, 'V', ""), now, "another certificate"},
      {"signed by a stranger", response_of(shop, shop.leaf, stranger, 'V', ""), now, "not signed by the issuer"},
      {"signed by a server of the issuer", response_of(shop, shop.leaf, server, 'V', ""), now,
       "not signed by the issuer"},
      {"too late", good, now + 2 * kDay, "ended"},
      {"too early", good, now - kDay, "begins"},
      {"no answer", {0x30, 0x03, 0x0a, 0x01, 0x03}, now, "trylater"},
      {"nothing", {}, now, "cannot be decoded"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const RevocationStatus status = status_by_ocsp(row.response, shop.leaf, shop.issuing.certificate, row.at);
    CHECK(status.state == State::unknown);
    CHECK_MESSAGE(status.reason.find(row.says) != std::string::npos, status.reason);
  }
  for (std::size_t size = 0; size < good.size(); ++size)
    CHECK(status_by_ocsp(base::BytesView(good).first(size), shop.leaf, shop.issuing.certificate, now).state ==
          State::unknown);
  for (std::size_t at = 0; at < good.size(); at += 3) {
    base::Bytes damaged = good;
    damaged[at] ^= 0x01;
    CHECK(status_by_ocsp(damaged, shop.leaf, shop.issuing.certificate, now).state != State::revoked);
  }
}

TEST_CASE("a CRL of the issuer tells what became of the certificate, within its time") {
  const Shop shop;
  const auto crl = [](const Authority& by, std::vector<RevokedEntry> entries) {
    return Crl::parse(make_crl({1, kNow, kNow + kDay, std::move(entries)}, by.certificate, by.key));
  };
  const auto status = [&](const Crl& list, base::Time at) {
    return RevocationList(list, shop.issuing.certificate).status(shop.leaf, at);
  };
  const Crl lists = crl(shop.issuing, {{shop.leaf.serial(), kNow - kDay, RevocationReason::key_compromise}});
  const Crl passes = crl(shop.issuing, {{shop.other.serial(), kNow - kDay}});
  CHECK(status(lists, kNow).state == State::revoked);
  CHECK(status(lists, kNow).reason == "keyCompromise");
  CHECK(status(lists, kNow).when == kNow - kDay);
  CHECK(status(passes, kNow).state == State::good);
  CHECK(status(passes, kNow + kDay).state == State::good);
  CHECK(status(passes, kNow + kDay + base::Seconds(1)).state == State::unknown);
  CHECK(status(passes, kNow - base::Seconds(300)).state == State::good);
  CHECK(status(passes, kNow - base::Seconds(301)).state == State::unknown);
  CHECK(RevocationList(crl(shop.root, {}), shop.root.certificate).status(shop.leaf, kNow).state == State::unknown);
  const Authority impostor = make_intermediate(shop.root, KeyType::ecdsa_p256, 8);
  for (const Authority& other : {shop.root, impostor})
    CHECK_THROWS_AS(RevocationList(crl(other, {{shop.leaf.serial(), kNow}}), shop.issuing.certificate), base::Error);
}

// What `openssl ca -gencrl` signs for the issuing CA with those extensions; `revoked` is on it.
static Crl extended_crl(const Shop& shop, const std::string& extensions, const Certificate* revoked) {
  const Scratch scratch;
  std::string serial = revoked == nullptr ? std::string() : revoked->serial();
  for (char& digit : serial) digit = static_cast<char>(std::toupper(static_cast<unsigned char>(digit)));
  scratch.write("index", revoked == nullptr
                             ? std::string()
                             : "R\t401231235959Z\t260101000000Z,keyCompromise\t" + serial + "\tunknown\t/CN=x\n");
  scratch.write("ca.conf", "[ca]\ndefault_ca=d\n[d]\ndatabase=" + scratch.path("index") +
                               "\ndefault_md=sha256\ndefault_crl_days=1\ncrl_extensions=e\n[e]\n" + extensions);
  judge::run({"openssl", "ca", "-config", scratch.path("ca.conf"), "-gencrl", "-cert",
              scratch.write("ca.pem", shop.issuing.certificate.pem()), "-keyfile",
              scratch.write("ca.key", shop.issuing.key.pem().reveal_text()), "-out", scratch.path("crl")});
  return Crl::parse(base::read_file(scratch.path("crl"), 1 << 20));
}

TEST_CASE("a CRL tells only of the certificates that it speaks of") {
  Shop shop;
  Template wanted = server_template("www.example.org", shop.key);
  wanted.crl_urls = {"http://crl.example.org/1.crl"};
  shop.leaf = issue(wanted, shop.issuing);
  const std::string point = "[i]\nfullname=URI:http://crl.example.org/";
  const std::string uses = "issuingDistributionPoint=critical,@i\n";
  struct Row {
    const char* name;
    std::string extensions;
    bool is_listed;
    State state;
    const char* says;
  };
  const Row rows[] = {
      {"its distribution point", uses + point + "1.crl\nonlyuser=TRUE", false, State::good, ""},
      {"its distribution point, listed", uses + point + "1.crl\nonlyuser=TRUE", true, State::revoked, "keyComp"},
      {"one of several points", uses + point + "2.crl,URI:http://crl.example.org/1.crl", false, State::good, ""},
      {"another distribution point", uses + point + "2.crl", true, State::unknown, "another distribution point"},
      {"a point without a URL", uses + "[i]\nfullname=dirName:n\n[n]\nCN=x", false, State::unknown, "without a URL"},
      {"CAs alone", uses + "[i]\nonlyCA=TRUE", false, State::unknown, "of CAs alone"},
      {"attributes alone", uses + "[i]\nonlyAA=TRUE", false, State::unknown, "attribute"},
      {"several issuers", uses + "[i]\nindirectCRL=TRUE", false, State::unknown, "several issuers"},
      {"some reasons", uses + "[i]\nonlysomereasons=superseded", false, State::unknown, "some reasons"},
      {"some reasons, listed", uses + "[i]\nonlysomereasons=keyCompromise", true, State::revoked, "keyComp"},
      {"a delta", "2.5.29.27=critical,DER:020101", false, State::unknown, "delta"},
      {"what nobody knows", "1.2.3.4=critical,DER:0500", false, State::unknown, "not understood"},
      {"what nobody need know", "1.2.3.4=DER:0500", false, State::good, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Crl crl = extended_crl(shop, row.extensions, row.is_listed ? &shop.leaf : nullptr);
    const RevocationStatus status =
        RevocationList(crl, shop.issuing.certificate).status(shop.leaf, kNow + base::Seconds(60));
    CHECK(status.state == row.state);
    CHECK_MESSAGE(status.reason.find(row.says) != std::string::npos, status.reason);
  }
  const Crl of_cas = extended_crl(shop, uses + "[i]\nonlyCA=TRUE", nullptr);
  const Crl of_users = extended_crl(shop, uses + "[i]\nonlyuser=TRUE", nullptr);
  Template authority = ca_template("Below", shop.key);
  const Certificate below = issue(authority, shop.issuing);
  CHECK(RevocationList(of_cas, shop.issuing.certificate).status(below, kNow + base::Seconds(60)).state == State::good);
  CHECK(RevocationList(of_users, shop.issuing.certificate).status(below, kNow + base::Seconds(60)).state ==
        State::unknown);
}
