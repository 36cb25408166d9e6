#include "issuer/acme_ca.h"

#include "base/error.h"
#include "base/lock.h"
#include "base/text.h"
#include "inventory/accounts.h"
#include "inventory/events.h"
#include "issuer/account_manifest.h"
#include "issuer/known_directory.h"
#include "issuer/shared.h"
#include "keystore/keystore.h"
#include "pki/digest.h"

#include <array>
#include <chrono>

#include <fmt/format.h>

namespace everseal::issuer {
namespace {

using base::Error;
using base::Fault;
using base::OptionType;

constexpr std::string_view kKeyTypes[] = {"ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096"};
constexpr std::string_view kMacAlgorithms[] = {"HS256", "HS384", "HS512"};

constexpr base::Option kOptions[] = {
    {.name = "directory", .type = OptionType::url, .summary = "URL of the CA's directory", .required = true},
    {.name = "contact", .type = OptionType::names, .summary = "whom the CA may write to: \"mailto:ops@example.org\""},
    {.name = "agree_terms",
     .type = OptionType::boolean,
     .summary = "whether you agree to the CA's terms of service",
     .fallback = "false"},
    {.name = "profile", .summary = "the CA's profile for certificates that name none"},
    {.name = "challenge",
     .type = OptionType::names,
     .summary =
         "how names are proved that no zone of a [challenge.NAME] covers: http-01, tls-alpn-01, or the name of a "
         "[challenge.NAME], in order; without it http-01, then tls-alpn-01"},
    {.name = "http_port",
     .type = OptionType::port,
     .summary = "where the stand-alone answer to http-01 listens",
     .fallback = "80"},
    {.name = "http_address", .type = OptionType::address, .summary = "its address; without it every one"},
    {.name = "webroot",
     .type = OptionType::directory,
     .summary = "directory of a web server that serves http-01 instead"},
    {.name = "tls_port",
     .type = OptionType::port,
     .summary = "where the answer to tls-alpn-01 listens",
     .fallback = "443"},
    {.name = "preferred_chain", .summary = "common name in the chain to choose where the CA offers several"},
    {.name = "eab_key_id", .summary = "key identifier of the external account binding"},
    {.name = "eab_key_file", .type = OptionType::secret_file, .summary = "its HMAC key, base64url as the CA shows it"},
    {.name = "eab_algorithm",
     .type = OptionType::choice,
     .summary = "its algorithm",
     .fallback = "HS256",
     .choices = kMacAlgorithms},
    {.name = "account_key",
     .type = OptionType::choice,
     .summary = "type of the account's key",
     .fallback = "ecdsa-p256",
     .choices = kKeyTypes},
    {.name = "staging", .type = OptionType::url, .summary = "URL of the directory that --dry-run uses"},
    {.name = "ca_file", .type = OptionType::path, .summary = "PEM: trust anchors of a private CA's ACME server"},
    {.name = "proxy",
     .type = OptionType::url,
     .summary = "URL of the proxy to the CA; without it the config's, or what $https_proxy says"},
    {.name = "proxy_password_file",
     .type = OptionType::secret_file,
     .summary = "file with USER:PASSWORD for the proxy"},
};

constexpr const char* kKey = "key.pem";
constexpr const char* kNextKey = "next-key.pem";
constexpr base::Seconds kDirectoryLife = std::chrono::days(1);

// "UNIX-TIME JSON"; "" where it is too old.
std::string remembered_directory(inventory::Store& store, const std::string& url, base::Time now) {
  const auto setting = store.setting(directory_setting(url));
  if (!setting) return {};
  const auto blank = setting->find(' ');
  if (blank == std::string::npos) return {};
  const base::Time when = base::from_unix(std::strtoll(setting->c_str(), nullptr, 10));
  return when > now || now - when > kDirectoryLife ? std::string() : setting->substr(blank + 1);
}

template <class Work>
auto with_hint(const std::string& hint, Work work) {
  try {
    return work();
  } catch (const Error& error) {
    throw Error(error.fault(), error.message(), hint);
  }
}

// An account that has ended never comes back; another needs another key.
bool has_ended(const inventory::AccountRecord& account) {
  return account.status == "deactivated" || account.status == "revoked";
}

}  // namespace

std::span<const base::Option> acme_options() noexcept { return kOptions; }

std::vector<std::string> check_acme_options(const base::Options& options, const Name&, std::vector<std::string>&) {
  std::vector<std::string> problems;
  for (const std::string_view name : {"directory", "staging"})
    if (options.has(name) && !options.string(name).starts_with("https://"))
      problems.push_back(fmt::format("{} must be a URL that begins with https://", name));
  for (const std::string& contact : options.strings("contact"))
    if (contact.find(':') == std::string::npos)
      problems.push_back(
          fmt::format("contact '{}' is no URL: write mailto:{}", base::printable(contact), base::printable(contact)));
  if (options.has("proxy_password_file") && !options.has("proxy"))
    problems.emplace_back("proxy_password_file is of no use without proxy");
  if (options.has("eab_key_id") != options.has("eab_key_file"))
    problems.emplace_back("eab_key_id and eab_key_file belong together");
  return problems;
}

Error naming(const Error& error, const Name& issuer) {
  constexpr std::string_view kPlaceholder = "ISSUER";
  constexpr std::string_view kNotAcme =
      "the CA does not answer as RFC 8555 says: is `directory` of the issuer right? `-vv` shows each request, for its "
      "operator";
  std::string hint(error.hint().empty() && error.fault() == Fault::invalid ? kNotAcme : error.hint());
  for (auto at = hint.find(kPlaceholder); at != std::string::npos; at = hint.find(kPlaceholder, at))
    hint.replace(at, kPlaceholder.size(), issuer.text());
  return Error(error.fault(), error.message(), std::move(hint)).not_before(error.retry_at());
}

AcmeCa::AcmeCa(const Name& issuer, const base::Options& options, const Surroundings& surroundings,
               AcmeEndpoint endpoint)
    : issuer_(issuer), options_(options), surroundings_(surroundings), endpoint_(endpoint) {
  const std::string_view option = endpoint == AcmeEndpoint::production ? "directory" : "staging";
  if (!options.has(option))
    throw Error(Fault::config, fmt::format("the issuer {} names no {} directory", issuer, option),
                fmt::format("set `{}` of [issuer.{}] to its URL", option, issuer));
  directory_url_ = options.string(option);
  folder_name_ = fmt::format("{}-{}", issuer, base::hex(pki::sha256(base::as_bytes(directory_url_))).substr(0, 8));
  acme::ClientSettings settings{
      .directory_url = directory_url_, .http = {}, .clock = surroundings.clock, .remembered_directory = {}};
  settings.http.ca_file = options.string("ca_file");
  const bool names_proxy = options.has("proxy");
  settings.http.proxy = names_proxy ? options.string("proxy") : surroundings.proxy;
  const std::string login = names_proxy ? options.string("proxy_password_file") : surroundings.proxy_password_file;
  if (!login.empty()) settings.http.proxy_login = std::make_shared<const base::Secret>(base::read_secret_file(login));
  settings.remembered_directory = remembered_directory(surroundings.store, directory_url_, surroundings.clock());
  client_ = &surroundings.shared.acme_client(settings);
}

std::string AcmeCa::command(std::string_view verb) const {
  return fmt::format("`everseal account {} {}{}`", verb, issuer_,
                     endpoint_ == AcmeEndpoint::staging ? " --staging" : "");
}

std::string AcmeCa::remedy() const {
  return fmt::format("restore it from a backup, or {} makes another account", command("register"));
}

Error AcmeCa::missing_key() const {
  return Error(Fault::not_found, fmt::format("the key of our account at {} is missing from {}", issuer_, folder_path()),
               remedy());
}

std::string AcmeCa::folder_path() const { return account_folder(surroundings_.store.state(), folder_name_); }

base::FileLock AcmeCa::lock() const {
  const auto locks = base::Directory::create(surroundings_.store.state() + "/locks", 0700);
  return base::FileLock::acquire(locks, "account-" + folder_name_);
}

base::Directory AcmeCa::folder() const { return base::Directory::create(folder_path(), 0700); }

std::optional<inventory::AccountRecord> AcmeCa::row() const {
  return inventory::Accounts(surroundings_.store).find(issuer_, directory_url_);
}

std::optional<inventory::AccountRecord> AcmeCa::known_account() {
  const base::FileLock held = lock();
  return settled_account();
}

std::optional<inventory::AccountRecord> AcmeCa::settled_account() {
  const auto manifest = recover_account(surroundings_.store, folder_name_, surroundings_.clock());
  thumbprint_ = manifest ? manifest->thumbprint : "";
  return row();
}

void AcmeCa::tell_peer_time() const {
  if (!surroundings_.peer_time) return;
  if (const auto time = client_->peer_time()) surroundings_.peer_time(*time);
}

void AcmeCa::remember_directory() {
  const std::string json = client_->fetched_directory();
  if (json.empty() || !remembered_directory(surroundings_.store, directory_url_, surroundings_.clock()).empty()) return;
  surroundings_.store.set_setting(directory_setting(directory_url_),
                                  fmt::format("{} {}", base::to_unix(surroundings_.clock()), json));
}

void AcmeCa::write_manifest(const inventory::AccountRecord& account, const pki::Signer& key) const {
  write(folder(), {account, acme::thumbprint(key)});
}

inventory::AccountRecord AcmeCa::record(const acme::AccountState& state, const pki::Signer& key) {
  const base::Time now = surroundings_.clock();
  const inventory::AccountRecord before = row().value_or(inventory::AccountRecord{});
  inventory::AccountRecord account{.issuer = issuer_,
                                   .directory = directory_url_,
                                   .url = state.url,
                                   .folder = folder_name_,
                                   .contact = state.contact,
                                   .status = state.status,
                                   .created = before.created == base::Time{} ? now : before.created};
  const bool is_new = before.url != state.url;
  const bool has_changed = is_new || before.status != state.status;
  if (has_changed || before.contact != state.contact) write_manifest(account, key);
  surroundings_.store.transaction([&] {
    inventory::Accounts(surroundings_.store).put(account);
    if (has_changed)
      inventory::Events(surroundings_.store)
          .add(is_new ? "account.registered" : "account.changed", account_subject(issuer_),
               {{"directory", directory_url_}, {"url", account.url}, {"status", account.status}}, now);
  });
  return account;
}

// The key that counts: that of a key change that was cut off, where the CA took it.
std::optional<pki::Signer> AcmeCa::settled_key(const base::Directory& folder, std::stop_token stop) {
  const keystore::Kind& keys = keystore::file();
  if (const auto next = keys.open({folder, kNextKey}); next && acme::find_account(*client_, *next, stop)) {
    folder.rename(kNextKey, kKey);
    return next;
  }
  return keys.open({folder, kKey});
}

acme::AccountState AcmeCa::ask_for_account(const pki::Signer& key, std::stop_token stop) {
  acme::AccountRequest request;
  request.contact = options_.strings("contact");
  request.terms = options_.boolean("agree_terms") ? acme::Terms::agreed : acme::Terms::not_agreed;
  std::optional<acme::ExternalAccount> external;
  if (options_.has("eab_key_id")) {
    external.emplace();
    external->key_id = options_.string("eab_key_id");
    external->mac_key = acme::parse_mac_key(base::read_secret_file(options_.string("eab_key_file")));
    external->algorithm = options_.string("eab_algorithm");
    request.external = &*external;
  }
  return acme::register_account(*client_, key, request, stop);
}

inventory::AccountRecord AcmeCa::register_account(std::stop_token stop) {
  const base::FileLock held = lock();
  return register_under_lock(stop);
}

inventory::AccountRecord AcmeCa::register_under_lock(std::stop_token stop) {
  const base::Directory directory = folder();
  const keystore::Kind& keys = keystore::file();
  const auto known = settled_account();
  const auto forget = [&] {
    directory.remove(kAccountManifest);
    keys.remove({directory, kKey});
  };
  const bool ended = known && has_ended(*known);
  if (ended) forget();
  auto key = ended ? std::nullopt : settled_key(directory, stop);
  if (key) {
    if (const auto state = acme::find_account(*client_, *key, stop)) {
      account_.reset();
      return record(*state, *key);
    }
    // Known once and unknown now: the key may be burnt, so the next account gets another.
    if (known && !known->url.empty()) {
      forget();
      key.reset();
    }
  }
  if (!key) {
    directory.remove(kAccountManifest);
    key = keys.create({directory, kKey}, pki::parse_key_type(options_.string("account_key")).value());
    inventory::Accounts(surroundings_.store)
        .put({.issuer = issuer_,
              .directory = directory_url_,
              .url = {},
              .folder = folder_name_,
              .contact = {},
              .status = {},
              .created = surroundings_.clock()});
  }
  account_.reset();
  const inventory::AccountRecord made = record(ask_for_account(*key, stop), *key);
  remember_directory();
  return made;
}

const acme::Account& AcmeCa::account(std::stop_token stop) {
  if (account_) return *account_;
  {
    const base::FileLock held = lock();
    const auto known = settled_account();
    if (!known || known->url.empty()) register_under_lock(stop);
    account_ = account_under_lock(stop);
  }
  return *account_;
}

acme::Account AcmeCa::require_account(std::stop_token stop) {
  const base::FileLock held = lock();
  return account_under_lock(stop);
}

acme::Account AcmeCa::account_under_lock(std::stop_token stop) {
  const auto known = settled_account();
  if (!known || known->url.empty())
    throw Error(Fault::not_found, fmt::format("there is no account at {} yet", issuer_),
                command("register") + " makes one");
  if (has_ended(*known))
    throw Error(Fault::denied, fmt::format("our account at {} is {}", issuer_, known->status),
                command("register") + " makes another");
  const base::Directory directory = folder();
  const auto key = settled_key(directory, stop);
  if (!key) throw missing_key();
  if (thumbprint_ != acme::thumbprint(*key)) {
    // Of a key change that was not recorded to its end, or of something else.
    const auto state = acme::find_account(*client_, *key, stop);
    if (!state || state->url != known->url)
      throw Error(Fault::denied,
                  fmt::format("the key in {}/{} is not that of our account at {}", directory.path(), kKey, issuer_),
                  remedy());
    write_manifest(*known, *key);
  }
  return {*key, known->url};
}

inventory::AccountRecord AcmeCa::refresh_account(std::stop_token stop) {
  const acme::Account account = require_account(stop);
  return record(acme::fetch_account(*client_, account, stop), account.key);
}

inventory::AccountRecord AcmeCa::update_contact(std::stop_token stop) {
  const acme::Account account = require_account(stop);
  return record(acme::update_contact(*client_, account, options_.strings("contact"), stop), account.key);
}

inventory::AccountRecord AcmeCa::rotate_key(std::stop_token stop) {
  const acme::Account account = require_account(stop);
  const base::FileLock held = lock();
  const base::Directory directory = folder();
  const keystore::Kind& keys = keystore::file();
  auto next = keys.open({directory, kNextKey});
  if (!next) next = keys.create({directory, kNextKey}, pki::parse_key_type(options_.string("account_key")).value());
  acme::change_key(*client_, account, *next, stop);
  directory.rename(kNextKey, kKey);
  account_.reset();
  const inventory::AccountRecord known = row().value();
  write_manifest(known, *next);
  inventory::Events(surroundings_.store)
      .add("account.key_changed", account_subject(issuer_), {{"url", account.url}}, surroundings_.clock());
  return known;
}

inventory::AccountRecord AcmeCa::deactivate(std::stop_token stop) {
  const acme::Account account = require_account(stop);
  const acme::AccountState state = acme::deactivate_account(*client_, account, stop);
  account_.reset();
  return record(state, account.key);
}

std::optional<pki::Signer> AcmeCa::key_of(const std::string& state, const inventory::AccountRecord& account) {
  const auto directory = base::Directory::open_if_exists(account_folder(state, account.folder));
  return directory ? keystore::file().open({*directory, kKey}) : std::nullopt;
}

void AcmeCa::require_key() const {
  const base::FileLock held = lock();
  const std::string& state = surroundings_.store.state();
  const auto manifest = read_manifest(state, folder_name_);
  const auto known = manifest ? manifest->account : row();
  if (!known || known->url.empty() || has_ended(*known)) return;
  const auto key = with_hint(
      fmt::format("restore it from a backup; or remove it, and {} makes another account", command("register")),
      [&] { return key_of(state, *known); });
  if (!key) throw missing_key();
  const std::string file = fmt::format("{}/{}", folder_path(), kKey);
  with_hint(fmt::format("it must be yours, with mode 0600; if others may have read it, {} replaces it",
                        command("rotate-key")),
            [&] { base::read_secret_document(file); });
  if (manifest && manifest->thumbprint != acme::thumbprint(*key))
    throw Error(Fault::denied, fmt::format("{} is not the key that {} beside it names", file, kAccountManifest),
                fmt::format("{} asks the CA whose it is", command("show")));
}

inventory::AccountRecord AcmeCa::adopt(const pki::PrivateKey& key, const std::string& url, std::stop_token stop) {
  const base::FileLock held = lock();
  const base::Directory directory = folder();
  const keystore::Kind& keys = keystore::file();
  const auto present = keys.open({directory, kKey});
  if (present && present->public_key_info() != key.public_key_info()) {
    if (const auto known = settled_account(); known && !url.empty() && known->url == url) return *known;
    throw Error(Fault::exists, fmt::format("there is an account at {} already", issuer_),
                fmt::format("give the account that comes from elsewhere an issuer of its own"));
  }
  if (!present) keys.import_key({directory, kKey}, key);
  std::optional<acme::AccountState> state;
  try {
    state = acme::find_account(*client_, key, stop);
    if (!state)
      throw Error(Fault::not_found,
                  fmt::format("the CA at {} does not know that account", base::printable(directory_url_)),
                  fmt::format("name the issuer of the CA that made it, or {} makes another", command("register")));
  } catch (const Error&) {
    if (!present) keys.remove({directory, kKey});  // it would stand in another's way
    throw;
  }
  const inventory::AccountRecord adopted = record(*state, key);
  remember_directory();
  return adopted;
}

}  // namespace everseal::issuer
