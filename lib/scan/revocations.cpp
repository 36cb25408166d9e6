#include "scan/revocations.h"

#include "base/directory.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "pki/digest.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <variant>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

namespace everseal::scan {
namespace {

using base::Error;
using base::Fault;
using std::chrono::steady_clock;

constexpr std::size_t kLargest = std::size_t{32} << 20;
constexpr std::size_t kFetchers = 4;
constexpr base::Seconds kFreshFor{4 * 3600};  // though its end is far: a revocation of today is to be seen today
constexpr base::Seconds kKeptFor{35 * 86'400};
constexpr base::Seconds kClocksDiffer{300};
constexpr std::string_view kEnding = ".crl";

std::vector<std::string> fetchable_urls(const pki::Certificate& certificate) {
  std::vector<std::string> urls;
  for (const base::Untrusted& url : certificate.crl_urls())
    if (net::fetched_host(url.raw())) urls.push_back(url.raw());
  return urls;
}

// One of this URL and issuer; cross-signed issuers of one key are one.
std::string key_of(const std::vector<std::string>& urls, const pki::Certificate& issuer) {
  std::string text;
  for (const std::string& url : urls) text += url + '\n';
  const pki::Sha256 pin = issuer.spki_pin();
  text.append(pin.begin(), pin.end());
  return base::hex(pki::sha256(base::as_bytes(text)));
}

std::optional<base::Time> written(const base::Directory& directory, const std::string& name) {
  struct stat found {};
  if (::fstatat(directory.descriptor(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  return base::from_unix(found.st_mtime);
}

}  // namespace

struct Revocations::State {
  // Of a distribution point, whatever number of certificates names it.
  struct Job {
    std::vector<std::string> urls;
    pki::Certificate issuer;
    std::string file;
    std::shared_ptr<const pki::RevocationList> list{};  // null: not known
    bool is_done = false;
  };
  struct Host {
    std::string problem;
    bool is_refused = false;
    bool is_silent = false;  // not to be asked again
  };

  CrlSource source;
  base::Time now;
  mutable std::mutex mutex;
  std::condition_variable_any changed;
  std::deque<Job> jobs;  // stay where they are
  std::deque<Number> waiting;
  std::vector<Number> arrived;
  std::size_t open = 0;  // waiting or under way
  std::map<std::string, Host> hosts;
  std::map<std::string, Number> numbers;  // by file
  std::mutex parsing;                     // one large list in memory at a time
  std::vector<std::jthread> fetchers;     // go first

  State(CrlSource its_source, base::Time its_now) : source(std::move(its_source)), now(its_now) {
    source.rules.largest = kLargest;
    forget_old();
  }

  // What cannot be kept costs a fetch, no audit.
  template <class Work>
  void cached(Work work) const {
    if (source.directory.empty()) return;
    try {
      work(base::Directory::create(source.directory, 0700));
    } catch (const Error& error) {
      base::log::debug("kept CRLs: {}", error.message());
    }
  }

  void forget_old() const {
    cached([&](const base::Directory& directory) {
      for (const std::string& name : directory.list())
        if (const auto when = written(directory, name); name.ends_with(kEnding) && when && *when + kKeptFor < now)
          directory.remove(name);
    });
  }

  std::shared_ptr<const pki::RevocationList> parse(base::BytesView octets, const Job& job) {
    const std::scoped_lock one(parsing);
    auto list = std::make_shared<const pki::RevocationList>(pki::Crl::parse(octets), job.issuer);
    if (const auto end = list->next_update(); end && *end < now)
      throw Error(Fault::invalid, fmt::format("it ended {}", base::format_time(*end)));
    return list;
  }

  struct Kept {
    std::shared_ptr<const pki::RevocationList> list;
    bool is_fresh = false;
  };
  Kept kept(const Job& job) {
    Kept found;
    cached([&](const base::Directory& directory) {
      const auto octets = directory.read(job.file, kLargest);
      const auto when = written(directory, job.file);
      if (!octets || !when) return;
      found.list = parse(*octets, job);
      found.is_fresh = *when <= now + kClocksDiffer && now < *when + kFreshFor;
    });
    return found;
  }

  bool is_silent(const std::string& host) {
    const std::scoped_lock lock(mutex);
    return hosts[host].is_silent;
  }

  // Words that are the same tomorrow: libcurl's have milliseconds in them.
  void fail(const std::string& host, const std::string& url, const Error& error) {
    base::log::debug("CRL of {}: {}", base::printable(url), error.message());
    const std::scoped_lock lock(mutex);
    Host& known = hosts[host];
    std::string problem;
    switch (error.fault()) {
      case Fault::cancelled:
        return;
      case Fault::unreachable:
        problem = fmt::format("{} cannot be reached for its CRLs", base::printable(host));
        known.is_silent = true;
        break;
      case Fault::timed_out:
        problem = fmt::format("{} does not give its CRLs in time", base::printable(host));
        known.is_silent = true;
        break;
      case Fault::denied:
        problem = fmt::format("{} is at an address that CRLs are not fetched from", base::printable(host));
        known.is_silent = known.is_refused = true;
        break;
      default:
        problem = fmt::format("the CRL {} is no use: {}", base::printable(url), error.message());
    }
    if (known.problem.empty() || known.is_silent || problem < known.problem) known.problem = std::move(problem);
  }

  std::shared_ptr<const pki::RevocationList> fetch(const Job& job, const std::stop_token& stop) {
    for (const std::string& url : job.urls) {
      const std::string host = *net::fetched_host(url);
      if (is_silent(host)) continue;
      try {
        const std::string body = net::fetch(url, source.rules, stop);
        auto list = parse(base::as_bytes(body), job);
        cached([&](const base::Directory& directory) { directory.replace(job.file, base::as_bytes(body)); });
        return list;
      } catch (const Error& error) {
        fail(host, url, error);
      }
    }
    return nullptr;
  }

  // Null where nobody here is the issuer, or the file is no use: then its URL is asked as a client would.
  std::shared_ptr<const pki::RevocationList> own(const Job& job) {
    const auto file = source.own.find(job.issuer.spki_pin());
    if (file == source.own.end()) return nullptr;
    try {
      return parse(base::read_file(file->second, pki::kLargestCrl), job);
    } catch (const Error& error) {
      base::log::debug("CRL {}: {}", file->second, error.message());
      return nullptr;
    }
  }

  // What was kept stands in for a host that is down as long as it is in force, and nothing is lost by it.
  std::shared_ptr<const pki::RevocationList> find(const Job& job, const std::stop_token& stop) {
    if (auto list = own(job)) return list;
    Kept found = kept(job);
    if (found.is_fresh) return found.list;
    if (auto fetched = fetch(job, stop)) return fetched;
    return found.list;
  }

  void run(const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    while (changed.wait(lock, stop, [&] { return !waiting.empty(); })) {
      const Number number = waiting.front();
      waiting.pop_front();
      Job& job = jobs[number];
      lock.unlock();
      std::shared_ptr<const pki::RevocationList> list;
      try {
        list = find(job, stop);
      } catch (const std::exception& error) {
        base::log::debug("CRL {}: {}", base::printable(job.urls.front()), error.what());
      }
      lock.lock();
      job.list = std::move(list);
      job.is_done = true;
      arrived.push_back(number);
      --open;
      changed.notify_all();
    }
  }

  Number number_of(std::vector<std::string> urls, const pki::Certificate& issuer) {
    std::string file = key_of(urls, issuer) + std::string(kEnding);
    const auto known = numbers.find(file);
    if (known != numbers.end()) return known->second;
    const std::scoped_lock lock(mutex);
    if (!source.own.contains(issuer.spki_pin()))
      for (const std::string& url : urls) hosts[*net::fetched_host(url)];
    const Number number = jobs.size();
    numbers.emplace(file, number);
    jobs.push_back({std::move(urls), issuer, std::move(file)});
    waiting.push_back(number);
    ++open;
    if (fetchers.size() < std::min(open, kFetchers))
      fetchers.emplace_back([this](const std::stop_token& stop) { run(stop); });
    changed.notify_all();
    return number;
  }

  // What the list says of it; the number where the list is still under way.
  std::variant<std::optional<pki::RevocationStatus>, Number> status(const pki::Certificate& certificate,
                                                                    const pki::Certificate& issuer) {
    std::vector<std::string> urls = fetchable_urls(certificate);
    if (urls.empty()) return std::nullopt;
    const Number number = number_of(std::move(urls), issuer);
    const std::scoped_lock lock(mutex);
    const Job& job = jobs[number];
    if (!job.is_done) return number;
    return job.list ? std::optional(job.list->status(certificate, now)) : std::nullopt;
  }
};

Revocations::Revocations(CrlSource source, base::Time now) : state_(std::make_unique<State>(std::move(source), now)) {}
Revocations::~Revocations() = default;

std::optional<Revocations::Number> Revocations::fill(audit::Sight& sight) {
  using enum pki::RevocationStatus::State;
  const pki::StoreVerdict* const accepted = sight.trust ? sight.trust->accepted() : nullptr;
  if (accepted == nullptr || !accepted->valid) return std::nullopt;
  std::optional<Number> awaited;
  for (std::size_t i = 0; i + 1 < accepted->path.size(); ++i) {
    const auto at = std::ranges::find(sight.chain, accepted->path[i]);
    if (at == sight.chain.end()) continue;
    const auto position = static_cast<std::size_t>(at - sight.chain.begin());
    if (sight.revocation.size() <= position) sight.revocation.resize(position + 1);
    auto& known = sight.revocation[position];
    if (known && known->state != unknown) continue;
    const auto said = state_->status(accepted->path[i], accepted->path[i + 1]);
    if (const auto* const number = std::get_if<Number>(&said)) {
      if (!awaited) awaited = *number;
      continue;
    }
    // A staple that proves nothing is a fault of its own, whatever the CRL says that is good.
    const auto& status = std::get<0>(said);
    if (status && (!known || status->state == revoked)) known = status;
  }
  return awaited;
}

std::vector<Revocations::Number> Revocations::take_arrived() {
  const std::scoped_lock lock(state_->mutex);
  return std::exchange(state_->arrived, {});
}

bool Revocations::wait(steady_clock::time_point until, std::stop_token stop) {
  std::unique_lock lock(state_->mutex);
  if (state_->arrived.empty() && state_->open == 0) return false;
  return state_->changed.wait_until(lock, stop, until, [&] { return !state_->arrived.empty(); });
}

std::vector<CrlHost> Revocations::hosts() const {
  const std::scoped_lock lock(state_->mutex);
  std::vector<CrlHost> all;
  for (const auto& [name, host] : state_->hosts) all.push_back({name, host.problem, host.is_refused});
  return all;
}

}  // namespace everseal::scan
