#include "audit/world.h"

using namespace everseal;
using namespace everseal::audit;
using namespace everseal::audit::testing;

namespace {

using pki::StoreKind;
using pki::TrustStore;

Certificate self_signed_leaf() {
  const pki::Template wanted = server_template("www.example.org", world().key);
  return Certificate::parse(pki::sign_certificate(wanted, nullptr, world().key));
}

Authority stranger() { return make_root(KeyType::ecdsa_p256, 9, "Stranger"); }

// Leaf, issuing CA, a young root that two older ones cross-signed in turn.
struct Generation {
  Authority oldest = make_root(KeyType::ecdsa_p256, 11, "Oldest");
  Authority older = make_root(KeyType::ecdsa_p256, 12, "Older");
  Authority young = make_root(KeyType::ecdsa_p256, 13, "Young");
  Authority issuing = make_intermediate(young, KeyType::ecdsa_p256, 14, "Young Issuing");
  Certificate young_by_older = issue(ca_template("Young", young.key), older);
  Certificate older_by_oldest = issue(ca_template("Older", older.key), oldest);
  Certificate leaf = issue(server_template("www.example.org", world().key), issuing);

  std::vector<TrustStore> stores() const {
    return {{"system", StoreKind::system, {young.certificate, older.certificate, oldest.certificate}},
            {"2024", StoreKind::further, {older.certificate, oldest.certificate}},
            {"2016", StoreKind::further, {oldest.certificate}}};
  }
  std::vector<Certificate> full() const { return {leaf, issuing.certificate, young_by_older, older_by_oldest}; }
};

const Generation& generation() {
  static const Generation made;
  return made;
}

std::string what_of(const std::vector<Finding>& findings) {
  return findings.empty() ? std::string() : findings.front().what.raw();
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("each fault of a chain is found by exactly its rule") {
  const World& w = world();
  const Certificate self = self_signed_leaf();
  const Authority elder = stranger();
  pki::Template old_wanted = ca_template("Root", w.root.key);
  old_wanted.not_after = kNow - Seconds(1);
  old_wanted.not_before = kNow - 10 * kDay;
  const Certificate expired_cross = issue(old_wanted, elder);
  const std::vector<TrustStore> none{{"system", StoreKind::system, {elder.certificate}}};
  struct Row {
    const char* name;
    std::vector<Certificate> chain;
    std::vector<TrustStore> stores;
    std::vector<Certificate> known;
    Names expected;
  };
  const Row rows[] = {
      {"in order", {w.leaf, w.issuing.certificate}, w.stores(), {}, {}},
      {"a leaf alone", {w.leaf}, w.stores(), {}, {"chain-incomplete error"}},
      {"a leaf beside a stranger",
       {w.leaf, elder.certificate},
       w.stores(),
       {},
       {"chain-incomplete error", "chain-foreign warning"}},
      {"an unknown root", {w.leaf, w.issuing.certificate}, none, {}, {"untrusted error"}},
      {"with its root",
       {w.leaf, w.issuing.certificate, w.root.certificate},
       w.stores(),
       {},
       {"chain-superfluous-root notice"}},
      {"with a root nobody trusts",
       {w.leaf, w.issuing.certificate, w.root.certificate},
       none,
       {},
       {"untrusted error", "chain-superfluous-root notice"}},
      {"the root before the intermediate",
       {w.leaf, w.root.certificate, w.issuing.certificate},
       w.stores(),
       {},
       {"chain-misordered warning", "chain-superfluous-root notice"}},
      {"the leaf last",
       {w.issuing.certificate, w.leaf},
       w.stores(),
       {},
       {"chain-misordered error", "name-mismatch error"}},
      {"a stranger beside it",
       {w.leaf, w.issuing.certificate, elder.certificate},
       w.stores(),
       {},
       {"chain-foreign warning"}},
      {"the intermediate twice",
       {w.leaf, w.issuing.certificate, w.issuing.certificate},
       w.stores(),
       {},
       {"chain-foreign warning"}},
      {"self-signed", {self}, w.stores(), {}, {"self-signed error"}},
      {"self-signed and trusted", {self}, {{"own", StoreKind::own, {self}}}, {}, {}},
      {"an expired cross-sign that nobody needs",
       {w.leaf, w.issuing.certificate, expired_cross},
       w.stores(),
       {},
       {"cross-sign-expired notice"}},
      {"an expired cross-sign that is needed",
       {w.leaf, w.issuing.certificate, expired_cross},
       none,
       {},
       {"authority-expired critical"}},
      {"no store was asked", {w.leaf, w.issuing.certificate}, {}, {}, {}},
      {"no store was asked of a self-signed one", {self}, {}, {}, {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(found_in(sight(row.chain, kNow, row.stores, row.known), kNow) == row.expected);
  }
}

TEST_CASE("a cross-sign is told from the second on in which it has ended, where no store needs it") {
  const Generation& g = generation();
  const Certificate cross = issue(lived(ca_template("Young", g.young.key), 10 * kDay), g.older);
  const std::vector<Certificate> chain{g.leaf, g.issuing.certificate, cross};
  const TrustStore young{"system", StoreKind::system, {g.young.certificate}};
  const TrustStore older{"older", StoreKind::further, {g.older.certificate}};
  const Time end = cross.not_after();
  CHECK(found_in(sight(chain, end, {young}), end).empty());
  CHECK(found_in(sight(chain, end + kSecond, {young}), end + kSecond) == Names{"cross-sign-expired notice"});
  CHECK(found_in(sight(chain, end, {young, older}), end).empty());
  CHECK(found_in(sight(chain, end + kSecond, {young, older}), end + kSecond) == Names{"untrusted-by-some warning"});
}

TEST_CASE("what a chain lacks is named where it is known") {
  const Generation& g = generation();
  const std::vector<TrustStore> stores{{"system", StoreKind::system, {g.older.certificate}}};
  const std::vector<Certificate> chain{g.leaf, g.issuing.certificate};
  CHECK(found_in(sight(chain, kNow, stores), kNow) == Names{"untrusted error"});
  const auto findings = judge(sight(chain, kNow, stores, {g.young_by_older}), {}, kNow);
  CHECK(names_of(findings) == Names{"chain-incomplete error"});
  CHECK(holds(what_of(findings), g.young_by_older.caption().raw()));
}

TEST_CASE("a chain with two cross-signs is clean in full, and names the store that lacks what was left out") {
  const Generation& g = generation();
  struct Row {
    std::vector<Certificate> chain;
    Names expected;
    std::vector<const char*> says, keeps_quiet_of;
  };
  const Names kSome{"untrusted-by-some warning"};
  const Row rows[] = {
      {g.full(), {}, {}, {}},
      {{g.leaf, g.issuing.certificate, g.young_by_older}, kSome, {"2016", "CN=Older"}, {"2024"}},
      {{g.leaf, g.issuing.certificate}, kSome, {"2024", "2016"}, {"system"}},
      {{g.leaf, g.issuing.certificate, g.young.certificate, g.young_by_older, g.older_by_oldest},
       {"chain-superfluous-root notice"},
       {},
       {}},
  };
  for (const auto& [chain, expected, says, keeps_quiet_of] : rows) {
    CAPTURE(chain.size());
    auto findings = judge(sight(chain, kNow, g.stores()), {}, kNow);
    CHECK(names_of(findings) == expected);
    for (const char* const part : says) CHECK(holds(what_of(findings), part));
    for (const char* const part : keeps_quiet_of) CHECK_FALSE(holds(what_of(findings), part));
  }
}

TEST_CASE("further stores are asked of public chains alone") {
  const std::vector<TrustStore> stores{{"own", StoreKind::own, {world().root.certificate}},
                                       {"2016", StoreKind::further, {generation().oldest.certificate}}};
  CHECK(found_in(sight({world().leaf, world().issuing.certificate}, kNow, stores), kNow).empty());
}

TEST_CASE("what cannot be read is counted and hides nothing else") {
  const std::vector<base::Bytes> sent{world().leaf.der(), {0x30, 0x00}, world().issuing.certificate.der(), {}};
  const ReadChain read = read_chain(sent);
  CHECK(read.unreadable == 2);
  REQUIRE(read.chain.size() == 2);
  Sight seen = sight(read.chain, kNow);
  seen.unreadable = read.unreadable;
  const auto findings = judge(seen, {}, kNow);
  CHECK(names_of(findings) == Names{"certificate-unreadable error"});
  CHECK(what_of(findings) == "2 of 4 certificates cannot be read");
}

TEST_CASE("an endless chain of one name costs bounded time and is told") {
  std::vector<Certificate> chain{world().leaf, world().issuing.certificate};
  const Certificate twin = issue(ca_template("Issuing", key_of(KeyType::ecdsa_p256, 5)), world().root);
  while (chain.size() < 5000) chain.push_back(twin);
  CHECK(found_in(sight(chain, kNow), kNow) == Names{"chain-foreign warning"});
}
