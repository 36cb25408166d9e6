#include "scan/agreement.h"

#include "audit/compare.h"

#include <algorithm>
#include <array>
#include <set>

namespace everseal::scan {
namespace {

bool disagree_at(std::span<const SeenLeaf> leaves, bool is_rsa, base::Time when) {
  std::set<pki::Fingerprint> there;
  for (const SeenLeaf& leaf : leaves)
    if (leaf.is_rsa == is_rsa && leaf.from <= when && (!leaf.until || *leaf.until >= when))
      there.insert(leaf.certificate);
  return there.size() > 1;
}

}  // namespace

void add_look(std::vector<SeenLeaf>& seen, const std::vector<pki::Certificate>& shown, base::Time now) {
  for (const pki::Certificate& leaf : shown) {
    const auto known = std::ranges::find_if(
        seen, [&](const SeenLeaf& one) { return one.is_open && one.certificate == leaf.fingerprint(); });
    if (known != seen.end())
      known->until.reset();
    else
      seen.push_back(
          {.certificate = leaf.fingerprint(), .is_rsa = audit::has_rsa_key(leaf), .from = now, .until = std::nullopt});
  }
}

bool disagree(std::span<const SeenLeaf> leaves, base::Time since, base::Time now) {
  // Between two of these nothing changed.
  std::set<base::Time> looks{since, now};
  for (const SeenLeaf& leaf : leaves) {
    if (leaf.from > since) looks.insert(leaf.from);
    if (leaf.until && *leaf.until > since) looks.insert(*leaf.until);
  }
  return std::ranges::any_of(std::array{false, true}, [&](bool is_rsa) {
    return std::ranges::all_of(looks, [&](base::Time when) { return disagree_at(leaves, is_rsa, when); });
  });
}

}  // namespace everseal::scan
