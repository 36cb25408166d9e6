#include "probe/survey.h"

#include "probe/registry.h"

#include <algorithm>

namespace everseal::probe {
namespace {

constexpr std::uint16_t kNew = 0x0304;  // TLS 1.3, whose suites and groups stand apart
constexpr std::uint16_t kTls12 = 0x0303;
// Who says nothing so often will not say more.
constexpr int kMostUntold = 3;

std::vector<std::uint16_t> codes_of(std::span<const Registered> all) {
  std::vector<std::uint16_t> codes;
  for (const Registered& one : all) codes.push_back(one.code);
  return codes;
}

void keep(std::vector<std::string>& all, std::string_view name) {
  if (!name.empty() && std::ranges::find(all, name) == all.end()) all.emplace_back(name);
}

bool is_elliptic(std::uint16_t cipher) {
  const std::string_view name = name_of(cipher_suites(kTls12), cipher);
  return name.starts_with("ECDHE-") || name.starts_with("AECDH-");
}

// That the keys of certificates are on.
constexpr std::uint16_t kCurvesOfKeys[] = {0x0017, 0x0018, 0x0019};

// Every server that speaks elliptic curves has one of them.
bool is_common(std::uint16_t group) {
  return group == 0x001d || (group >= 0x0017 && group <= 0x0019) || group == 0x001e;
}

}  // namespace

Survey::Survey(std::string server_name) : server_name_(std::move(server_name)) { begin_version(0); }

void Survey::begin_version(std::size_t index) {
  version_ = index;
  if (version_ == protocol_versions().size()) return begin_groups();
  step_ = Step::version;
  ciphers_ = codes_of(cipher_suites(protocol_versions()[version_].code));
  picked_.clear();
}

void Survey::begin_groups() {
  if (speaks_new_) {
    step_ = Step::new_groups;
    groups_ = codes_of(key_exchange_groups(kNew));
    return;
  }
  next_old_group(0);
}

// Below TLS 1.3 nobody says which group it chose before it sends a key: one is offered at a time. Those that everybody
// knows were told by TLS 1.3 where it is spoken; the odd ones are asked for together first.
//
// A server whose key is on a curve that is not offered refuses, whatever groups it takes (RFC 8422 section 5.1.1):
// where it refused a group alone, that is offered with those curves behind it. One that goes by its own order may then
// choose another, so that of what it has behind its key's curve not all is found.
void Survey::next_old_group(std::size_t index) {
  beside_ = false;
  const auto all = key_exchange_groups(kTls12);
  const bool has_curves = old_version_ != 0 && std::ranges::any_of(old_ciphers_, is_elliptic);
  for (group_ = index; has_curves && group_ < all.size(); ++group_) {
    const bool common = is_common(all[group_].code);
    if (common && speaks_new_) continue;
    if (!common && step_ != Step::odd_group) {
      step_ = Step::odd_groups;
      return;
    }
    step_ = common ? Step::old_group : Step::odd_group;
    return;
  }
  step_ = Step::end;
}

ClientHello Survey::hello() const {
  ClientHello hello;
  hello.server_name = server_name_;
  hello.ciphers = ciphers_;
  hello.groups = codes_of(key_exchange_groups(kTls12));
  return hello;
}

bool Survey::has_elliptic_key() const {
  return std::ranges::any_of(old_ciphers_, [](std::uint16_t cipher) {
    return name_of(cipher_suites(kTls12), cipher).starts_with("ECDHE-ECDSA-");
  });
}

bool Survey::asks_old_groups() const noexcept {
  return step_ == Step::old_group || step_ == Step::odd_groups || step_ == Step::odd_group;
}

ServerFlight::Until Survey::until() const noexcept {
  return asks_old_groups() ? ServerFlight::Until::key_exchange : ServerFlight::Until::hello;
}

std::optional<ClientHello> Survey::next() const {
  if (step_ == Step::end) return std::nullopt;
  ClientHello one = hello();
  const auto old_groups = key_exchange_groups(kTls12);
  switch (step_) {
    case Step::version:
    case Step::ciphers:
      one.versions = {protocol_versions()[version_].code};
      if (one.versions.front() == kNew) one.groups = codes_of(key_exchange_groups(kNew));
      break;
    case Step::order:
      one.versions = {protocol_versions()[version_].code};
      one.ciphers = {picked_[1], picked_[0]};
      break;
    case Step::new_groups:
      one.versions = {kNew};
      one.ciphers = codes_of(cipher_suites(kNew));
      one.groups = groups_;
      break;
    default:
      one.versions = {old_version_};
      one.ciphers.clear();
      std::ranges::copy_if(old_ciphers_, std::back_inserter(one.ciphers), is_elliptic);
      one.groups.clear();
      if (step_ != Step::odd_groups) {
        one.groups = {old_groups[group_].code};
      } else {
        for (const Registered& group : old_groups)
          if (!is_common(group.code)) one.groups.push_back(group.code);
      }
      if (beside_)
        for (const std::uint16_t curve : kCurvesOfKeys)
          if (std::ranges::find(one.groups, curve) == one.groups.end()) one.groups.push_back(curve);
      break;
  }
  return one;
}

void Survey::take(Answer answer, const ServerHello& hello) {
  if (step_ == Step::end) return;
  if (answer == Answer::not_told) {
    // What was not answered is not refused.
    accepted_.is_whole = false;
    if (++untold_ == kMostUntold) {
      step_ = Step::end;
      return;
    }
    return refused();
  }
  bool taken = hello.kind == ServerHello::Kind::hello;
  if (taken && beside_) {
    const std::uint16_t asked = key_exchange_groups(kTls12)[group_].code;
    taken = step_ == Step::odd_groups ? hello.group != 0 && !is_common(hello.group) : hello.group == asked;
  }
  if (!taken && !beside_ && asks_old_groups() && has_elliptic_key()) {
    beside_ = true;
    return;
  }
  taken ? accepted(hello) : refused();
}

void Survey::refused() {
  switch (step_) {
    case Step::version:
      return begin_version(version_ + 1);
    case Step::ciphers:
    case Step::order:
      if (protocol_versions()[version_].code == kTls12 && step_ == Step::ciphers && picked_.size() > 1) {
        step_ = Step::order;
        return;
      }
      return begin_version(version_ + 1);
    case Step::new_groups:
      step_ = Step::old_group;
      return next_old_group(0);
    case Step::odd_groups:
      step_ = Step::end;
      return;
    default:
      return next_old_group(group_ + 1);
  }
}

void Survey::accepted(const ServerHello& hello) {
  const std::uint16_t version = version_ < protocol_versions().size() ? protocol_versions()[version_].code : 0;
  const auto suites = cipher_suites(version);
  switch (step_) {
    case Step::version:
    case Step::ciphers: {
      const auto at = std::ranges::find(ciphers_, hello.cipher);
      // Another version than was offered, or a suite that was not: no answer to what was asked.
      if (hello.version != version || at == ciphers_.end()) return refused();
      ciphers_.erase(at);
      picked_.push_back(hello.cipher);
      keep(accepted_.versions, protocol_versions()[version_].name);
      keep(accepted_.ciphers, name_of(suites, hello.cipher));
      if (version == kNew) {
        speaks_new_ = true;
      } else {
        if (old_version_ == 0) old_version_ = version;
        if (std::ranges::find(old_ciphers_, hello.cipher) == old_ciphers_.end()) old_ciphers_.push_back(hello.cipher);
      }
      // Of older versions only what the newer one did not take: a list for each would be as many connections again.
      if (version < kTls12)
        std::erase_if(ciphers_,
                      [&](std::uint16_t one) { return std::ranges::find(old_ciphers_, one) != old_ciphers_.end(); });
      step_ = Step::ciphers;
      if (ciphers_.empty()) refused();
      return;
    }
    case Step::order:
      accepted_.server_order = hello.cipher == picked_[0];
      return begin_version(version_ + 1);
    case Step::new_groups: {
      const auto at = std::ranges::find(groups_, hello.group);
      if (at == groups_.end()) return refused();
      keep(accepted_.groups, name_of(key_exchange_groups(kNew), hello.group));
      groups_.erase(at);
      if (groups_.empty()) refused();
      return;
    }
    case Step::odd_groups:
      step_ = Step::odd_group;
      return next_old_group(group_);
    default:
      keep(accepted_.groups, name_of(key_exchange_groups(kTls12), key_exchange_groups(kTls12)[group_].code));
      return next_old_group(group_ + 1);
  }
}

}  // namespace everseal::probe
