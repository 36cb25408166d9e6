#include "pki/trust.h"

#include "pki/chain.h"
#include "pki/issued.h"

#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {

using namespace everseal;
using namespace everseal::pki;
using namespace everseal::pki::testing;

struct Family {
  Authority root = make_root();
  Authority issuing = make_intermediate(root);
  PrivateKey key = key_of(KeyType::ecdsa_p256, 2);
  Certificate leaf = issue(server_template("www.example.org", key), issuing);
  std::vector<Certificate> chain() const { return {leaf, issuing.certificate}; }
};

TrustStore store(std::string name, StoreKind kind, std::vector<Certificate> anchors) {
  return {std::move(name), kind, std::move(anchors)};
}

}  // namespace

TEST_CASE("each store gives its verdict, with its path or with what is missing") {
  const Family f;
  const Authority stranger = make_root(KeyType::ecdsa_p256, 9, "Stranger");
  ChainJudge judge({store("system", StoreKind::system, {stranger.certificate}),
                    store("own", StoreKind::own, {f.root.certificate}), store("empty", StoreKind::further, {})},
                   kNow);
  const auto verdict = judge.judge(f.chain());
  REQUIRE(verdict->stores.size() == 3);
  CHECK_FALSE(verdict->stores[0].trusted);
  CHECK(verdict->stores[0].missing.raw() == "O=Everseal, CN=Root");
  CHECK(verdict->stores[0].path == f.chain());
  CHECK(verdict->stores[1].valid);
  CHECK(verdict->stores[1].problem.empty());
  CHECK(verdict->stores[1].path == std::vector{f.leaf, f.issuing.certificate, f.root.certificate});
  CHECK_FALSE(verdict->stores[2].valid);
  CHECK(verdict->accepted() == &verdict->stores[1]);
  CHECK_FALSE(verdict->is_public());
  CHECK(verdict->is_needed(f.issuing.certificate));
  CHECK_FALSE(verdict->is_needed(stranger.certificate));
}

TEST_CASE("a chain that ends in a root that was sent lacks trust, and nothing else") {
  const Family f;
  const Authority stranger = make_root(KeyType::ecdsa_p256, 9, "Stranger");
  ChainJudge judge({store("own", StoreKind::own, {stranger.certificate})}, kNow);
  std::vector<Certificate> whole = f.chain();
  whole.push_back(f.root.certificate);
  const StoreVerdict said = judge.judge(whole)->stores[0];
  CHECK_FALSE(said.trusted);
  CHECK(said.missing.empty());
  CHECK(said.path == whole);
  CHECK(said.depth == 2);
  CHECK(said.problem == "self-signed certificate in certificate chain");
  // Another's root beside it is no end of it.
  std::vector<Certificate> mixed = f.chain();
  mixed.push_back(make_root(KeyType::ecdsa_p256, 9, "Root").certificate);
  CHECK(judge.judge(mixed)->stores[0].missing.raw() == "O=Everseal, CN=Root");
}

TEST_CASE("of several cross-signs a store takes the one that leads to what it trusts, however they are ordered") {
  const Authority first = make_root(KeyType::ecdsa_p256, 9, "First"),
                  second = make_root(KeyType::ecdsa_p256, 10, "Second");
  const Authority oldest = make_root(KeyType::ecdsa_p256, 11, "Oldest");
  const Authority young = make_root(KeyType::ecdsa_p256, 12, "Young");
  const Authority issuing = make_intermediate(young, KeyType::ecdsa_p256, 13, "Young Issuing");
  const Certificate leaf = issue(server_template("www.example.org", key_of(KeyType::ecdsa_p256, 2)), issuing);
  const auto cross = [](const Authority& one, const Authority& by) {
    return issue(ca_template(one.certificate.subject().raw().substr(sizeof "O=Everseal, CN=" - 1), one.key), by);
  };
  const Certificate by_first = cross(young, first), by_second = cross(young, second),
                    first_by_oldest = cross(first, oldest);
  ChainJudge judge(
      {store("first", StoreKind::own, {first.certificate}), store("second", StoreKind::own, {second.certificate}),
       store("oldest", StoreKind::own, {oldest.certificate})},
      kNow);
  for (const auto& ways :
       {std::vector{by_first, first_by_oldest, by_second}, std::vector{by_second, by_first, first_by_oldest}}) {
    std::vector<Certificate> chain{leaf, issuing.certificate};
    chain.insert(chain.end(), ways.begin(), ways.end());
    const auto verdict = judge.judge(chain);
    for (const StoreVerdict& said : verdict->stores) CHECK_MESSAGE(said.valid, said.store, ": ", said.problem);
    CHECK(verdict->stores[1].path == std::vector{leaf, issuing.certificate, by_second, second.certificate});
  }
  // What no way leads to is told as by the first one.
  const auto verdict = judge.judge(std::vector{leaf, issuing.certificate, first_by_oldest});
  CHECK_FALSE(verdict->stores[1].trusted);
  CHECK(verdict->stores[1].missing.raw() == "O=Everseal, CN=Young");
}

TEST_CASE("a chain is public where the system's store trusts it and the operator's does not") {
  const Family f;
  const auto is_public = [&](std::vector<TrustStore> stores) {
    return ChainJudge(std::move(stores), kNow).judge(f.chain())->is_public();
  };
  CHECK(is_public({store("system", StoreKind::system, {f.root.certificate})}));
  CHECK_FALSE(is_public({store("own", StoreKind::own, {f.root.certificate})}));
  CHECK_FALSE(is_public(
      {store("system", StoreKind::system, {f.root.certificate}), store("own", StoreKind::own, {f.root.certificate})}));
  CHECK_FALSE(is_public({store("other", StoreKind::further, {f.root.certificate})}));
}

TEST_CASE("dates and the leaf's purpose do not take the trust from a chain") {
  const Family f;
  const auto at = [&](base::Time when, Purpose purpose) {
    ChainJudge judge({store("own", StoreKind::own, {f.root.certificate})}, when);
    return judge.judge(f.chain(), purpose)->stores[0];
  };
  CHECK(at(f.leaf.not_after() - base::Seconds(1), Purpose::server).valid);
  const StoreVerdict late = at(f.leaf.not_after() + base::Seconds(1), Purpose::server);
  CHECK(late.trusted);
  CHECK_FALSE(late.valid);
  CHECK(late.depth == 0);
  CHECK(late.problem == "certificate has expired");
  CHECK(late.path.size() == 3);
  const StoreVerdict early = at(f.leaf.not_before() - base::Seconds(1), Purpose::server);
  CHECK(early.trusted);
  CHECK_FALSE(early.valid);
  const StoreVerdict client = at(kNow, Purpose::client);
  CHECK(client.trusted);
  CHECK_FALSE(client.valid);
}

TEST_CASE("a broken signature is no trust at all") {
  const Family f;
  base::Bytes broken = f.leaf.der();
  broken.back() ^= 1;
  ChainJudge judge({store("own", StoreKind::own, {f.root.certificate})}, kNow);
  const auto verdict = judge.judge(std::vector{Certificate::parse(broken), f.issuing.certificate});
  CHECK_FALSE(verdict->stores[0].trusted);
  CHECK(verdict->stores[0].problem == "certificate signature failure");
  CHECK(verdict->accepted() == nullptr);
}

TEST_CASE("known certificates tell what is absent and make nothing trusted") {
  const Family f;
  const std::vector<Certificate> leaf_alone{f.leaf};
  const std::vector<TrustStore> own{store("own", StoreKind::own, {f.root.certificate})};
  const auto without = ChainJudge(own, kNow).judge(leaf_alone);
  CHECK(without->stores[0].absent.empty());
  const auto verdict = ChainJudge(own, kNow, {f.issuing.certificate}).judge(leaf_alone);
  CHECK_FALSE(verdict->stores[0].trusted);
  CHECK(verdict->stores[0].absent == std::vector{f.issuing.certificate});
  CHECK(verdict->stores[0].missing.raw() == "O=Everseal, CN=Issuing");
}

TEST_CASE("the shape of a chain is told whoever trusts it") {
  const Family f;
  const Certificate& issuing = f.issuing.certificate;
  const Certificate& root = f.root.certificate;
  const Certificate stranger = make_root(KeyType::ecdsa_p256, 9, "Stranger").certificate;
  struct Row {
    const char* name;
    std::vector<Certificate> sent;
    bool self_signed, leaf_first, ordered;
    std::size_t roots, foreign;
  };
  for (const auto& [name, sent, self_signed, leaf_first, ordered, roots, foreign] :
       {Row{"in order", {f.leaf, issuing}, false, true, true, 0, 0},
        Row{"with root", {f.leaf, issuing, root}, false, true, true, 1, 0},
        Row{"root first", {f.leaf, root, issuing}, false, true, false, 1, 0},
        Row{"leaf last", {issuing, f.leaf}, false, false, true, 0, 1},
        Row{"twice", {f.leaf, issuing, issuing}, false, true, true, 0, 1},
        Row{"the leaf twice", {f.leaf, f.leaf, issuing}, false, true, true, 0, 1},
        Row{"a stranger", {f.leaf, stranger, issuing}, false, true, true, 0, 1},
        Row{"alone", {f.leaf}, false, true, true, 0, 0}, Row{"a root", {root}, true, true, true, 0, 0}}) {
    CAPTURE(name);
    for (const auto& stores : {std::vector<TrustStore>{}, {store("own", StoreKind::own, {root})}}) {
      const ChainShape shape = ChainJudge(stores, kNow).judge(sent)->shape;
      CHECK(shape.self_signed == self_signed);
      CHECK(shape.leaf_first == leaf_first);
      CHECK(shape.ordered == ordered);
      CHECK(shape.roots.size() == roots);
      CHECK(shape.foreign.size() == foreign);
    }
  }
}

TEST_CASE("a verdict is remembered by its chain and purpose, up to a limit") {
  const Family f;
  ChainJudge judge({store("own", StoreKind::own, {f.root.certificate})}, kNow, {}, 2);
  const auto first = judge.judge(f.chain());
  CHECK(judge.judge(f.chain()) == first);
  CHECK(judge.judge(f.chain(), Purpose::client) != first);
  CHECK(judge.judge(std::vector{f.leaf}) != judge.judge(std::vector{f.leaf}));  // beyond the limit
  CHECK(judge.judge(f.chain()) == first);
  CHECK(judge.judge({})->stores.empty());
}

TEST_CASE("the judge agrees with the strict verification where both speak of the same") {
  const Family f;
  ChainJudge judge({store("own", StoreKind::own, {f.root.certificate})}, kNow);
  CHECK(judge.judge(f.chain())->stores[0].valid ==
        verify(f.leaf, std::span(&f.issuing.certificate, 1), std::span(&f.root.certificate, 1), kNow, Purpose::server)
            .valid);
}
