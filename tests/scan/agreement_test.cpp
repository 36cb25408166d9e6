// Two certificates behind one place, and since when.
#include "scan/agreement.h"

#include "pki/issued.h"

#include <doctest/doctest.h>

using namespace everseal;
using namespace everseal::scan;

namespace {

constexpr base::Seconds kHour{3600};
const base::Time kBegin = base::from_unix(1'795'000'000);

// Hours since kBegin; -1: still there.
SeenLeaf seen(char leaf, int from, int until, bool is_rsa = false) {
  SeenLeaf one;
  one.certificate = pki::fingerprint(base::as_bytes(std::string(1, leaf)));
  one.is_rsa = is_rsa;
  one.from = kBegin + from * kHour;
  if (until >= 0) one.until = kBegin + until * kHour;
  return one;
}

}  // namespace

TEST_CASE("addresses disagree where two of one kind were there at each look of the time") {
  const struct {
    std::vector<SeenLeaf> leaves;
    bool disagree;  // from hour 24 to hour 48
  } rows[] = {
      {{}, false},
      {{seen('a', 0, -1)}, false},
      {{seen('a', 0, -1), seen('b', 0, -1)}, true},
      {{seen('a', 0, -1), seen('b', 24, -1)}, true},
      {{seen('a', 0, -1), seen('b', 25, -1)}, false},
      {{seen('a', 0, -1), seen('b', 0, 47)}, false},
      {{seen('a', 0, -1), seen('b', 0, -1, true)}, false},
      {{seen('a', 0, -1), seen('b', 0, -1, true), seen('c', 0, -1, true)}, true},
      // Others in their place, and at each look two.
      {{seen('a', 0, -1), seen('b', 0, 30), seen('c', 30, -1)}, true},
      {{seen('a', 0, -1), seen('b', 0, 30), seen('c', 20, -1)}, true},
      // Once they agreed in between.
      {{seen('a', 0, -1), seen('b', 0, 30), seen('a', 31, 31), seen('b', 32, -1)}, false},
      {{seen('a', 0, -1), seen('a', 0, -1)}, false},
  };
  for (const auto& row : rows) {
    CAPTURE(&row - rows);
    CHECK(disagree(row.leaves, kBegin + 24 * kHour, kBegin + 48 * kHour) == row.disagree);
  }
}

TEST_CASE("what is shown again goes on, what comes begins, and what is not shown ended at the look before") {
  const auto root = pki::testing::make_root();
  const auto leaf = [&](const std::string& name) {
    return pki::testing::issue(pki::testing::server_template(name, pki::testing::key_of(pki::KeyType::ecdsa_p256, 2)),
                               root);
  };
  const auto a = leaf("a.example"), b = leaf("b.example"), c = leaf("c.example");
  const base::Time before = kBegin + kHour, now = kBegin + 2 * kHour;
  std::vector<SeenLeaf> all{{a.fingerprint(), false, kBegin, before, true},
                            {b.fingerprint(), false, kBegin, before, true},
                            {c.fingerprint(), false, kBegin, kBegin, false}};
  add_look(all, {a, c}, now);
  REQUIRE(all.size() == 4);
  CHECK_FALSE(all[0].until);
  CHECK(all[1].until == before);
  CHECK(all[2].until == kBegin);
  CHECK(all[3].certificate == c.fingerprint());
  CHECK(all[3].from == now);
  CHECK_FALSE(all[3].until);
}
