#include "inspect/contents.h"

#include "base/error.h"
#include "base/file.h"
#include "base/handle.h"
#include "base/text.h"
#include "discover/contents.h"
#include "pki/pem.h"
#include "pki/pkcs12.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::cli {

using base::Bytes;
using base::BytesView;
using base::Error;
using base::Fault;

namespace {

constexpr std::size_t kLargest = 16 << 20;
constexpr std::uint8_t kSequence = 0x30;
constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kOid = 0x06;

// Octets that may hold a private key.
struct Wiped {
  Bytes bytes;
  ~Wiped() { base::wipe(bytes.data(), bytes.size()); }
};

Error too_large(const std::string& path) {
  return Error(Fault::invalid, fmt::format("{} is larger than {} MiB, so it is no certificate", base::printable(path),
                                           kLargest >> 20U));
}

// Never waits for a writer and never takes more than it may.
Bytes read_bounded(const std::string& path) {
  if (path == "-") return base::read_file(path, kLargest);
  const base::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file && errno == ENOENT)
    throw Error(Fault::not_found, fmt::format("there is no file {}", base::printable(path)),
                "write HOST:PORT for an endpoint");
  if (!file) throw base::errno_error("open", base::printable(path));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw base::errno_error("read", base::printable(path));
  if (S_ISDIR(status.st_mode))
    throw Error(Fault::invalid, fmt::format("{} is a directory", base::printable(path)), "name one of its files");
  if (!S_ISREG(status.st_mode)) {
    throw Error(Fault::invalid, fmt::format("{} is no regular file", base::printable(path)),
                "pipes are read from standard input: everseal inspect -");
  }
  if (status.st_size > static_cast<off_t>(kLargest)) throw too_large(path);
  Bytes bytes(static_cast<std::size_t>(status.st_size) + 1);  // one more shows that it grew
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw base::errno_error("read", base::printable(path));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  bytes.resize(size);
  if (size > kLargest) throw too_large(path);
  return bytes;
}

// The head of a DER value (X.690 section 8.1) and what is inside it.
struct Value {
  std::uint8_t tag = 0;
  std::size_t announced = 0;  // octets of content, by its head
  BytesView content;          // as many of them as are there
};

std::optional<Value> first_value(BytesView bytes) {
  if (bytes.size() < 2) return std::nullopt;
  std::size_t length = bytes[1];
  std::size_t head = 2;
  if (length == 0x80) return std::nullopt;
  if (length > 0x80) {
    const std::size_t octets = length & 0x7fU;
    if (octets > 4 || bytes.size() < 2 + octets) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < octets; ++i) length = (length << 8U) | bytes[2 + i];
    head += octets;
  }
  return Value{bytes[0], length, bytes.subspan(head, std::min(length, bytes.size() - head))};
}

std::optional<Value> value_at(BytesView content, std::size_t index) {
  std::optional<Value> value = first_value(content);
  while (value && index-- > 0) {
    const auto end = static_cast<std::size_t>(value->content.data() - content.data()) + value->content.size();
    content = content.subspan(end);
    value = first_value(content);
  }
  return value;
}

bool has_tag(const std::optional<Value>& value, std::uint8_t tag) { return value && value->tag == tag; }

FoundKey found(const pki::Signer& signer) { return {signer, std::string(pki::to_string(signer.type()))}; }

Item decode_key(base::Secret text, bool encrypted, const std::string& label, const AskPassword& ask) {
  std::optional<base::Secret> password;
  if (encrypted) password = ask("the private key");
  if (encrypted && !password) return FoundKey{std::nullopt, "encrypted"};
  try {
    return found(pki::PrivateKey::parse(text, password));
  } catch (const Error& error) {
    return Undecoded{label, error.message()};
  }
}

std::vector<Item> decode_pkcs12(BytesView der, const AskPassword& ask) {
  std::optional<pki::Pkcs12> archive;
  try {
    archive = pki::parse_pkcs12(der, base::Secret());  // a trust store often has none
  } catch (const Error&) {
    const auto password = ask("the PKCS#12 file");
    if (!password)
      throw Error(Fault::usage, "the PKCS#12 file is encrypted", "give its password with --password-file FILE");
    archive = pki::parse_pkcs12(der, *password);
  }
  std::vector<Item> items;
  if (archive->key) items.emplace_back(found(*archive->key));
  for (pki::Certificate& certificate : archive->certificates) items.emplace_back(std::move(certificate));
  return items;
}

std::string_view form_of(discover::Container container) {
  switch (container) {
    case discover::Container::jks:
      return "JKS";
    case discover::Container::pkcs7:
      return "PKCS#7";
    default:
      return to_string(container);
  }
}

FoundKey found(const discover::FoundKey& key, const discover::File& file) {
  if (!key.pin) return {std::nullopt, "encrypted"};
  for (const discover::FoundCertificate& one : file.certificates)
    if (one.certificate.spki_pin() == *key.pin) return {std::nullopt, one.certificate.public_key().text};
  return {std::nullopt, "of none of the certificates"};
}

// What a walk of the audit makes of the same octets.
std::vector<Item> decode_as_walked(BytesView bytes, std::string& form, const AskPassword& ask) {
  discover::Passwords passwords;
  const auto read = [&] {
    discover::File file;
    discover::read_contents(bytes, passwords, file);
    return file;
  };
  const auto is_closed = [](const discover::File& file) {
    return std::ranges::find(file.troubles, discover::Reason::encrypted, &discover::Trouble::reason) !=
           file.troubles.end();
  };
  discover::File file = read();
  if (is_closed(file)) {
    if (auto password = ask(fmt::format("the {} file", form_of(file.container)))) {
      passwords.add(std::move(*password));
      file = read();
    } else if (file.certificates.empty()) {
      throw Error(Fault::usage, fmt::format("the {} file is encrypted", form_of(file.container)),
                  "give its password with --password-file FILE");
    }
  }
  form = form_of(file.container);
  std::vector<Item> items;
  for (const discover::FoundKey& key : file.keys) items.emplace_back(found(key, file));
  for (discover::FoundCertificate& one : file.certificates) items.emplace_back(std::move(one.certificate));
  if (items.empty() && !file.troubles.empty()) throw Error(Fault::invalid, file.troubles.front().what);
  for (const discover::Trouble& trouble : file.troubles)
    items.emplace_back(Undecoded{std::string(form_of(file.container)), trouble.what});
  return items;
}

enum class DerKind { certificate_like, pkcs12, key, encrypted_key, public_key, pkcs7, unknown };

DerKind kind_of(BytesView der) {
  const auto outer = first_value(der);
  if (!has_tag(outer, kSequence)) return DerKind::unknown;
  const auto first = value_at(outer->content, 0);
  const auto second = value_at(outer->content, 1);
  if (has_tag(first, kOid)) return DerKind::pkcs7;
  if (has_tag(first, kInteger)) {
    const bool version3 = first->content.size() == 1 && first->content[0] == 3;
    return version3 && has_tag(second, kSequence) ? DerKind::pkcs12 : DerKind::key;
  }
  if (!has_tag(first, kSequence)) return DerKind::unknown;
  if (has_tag(value_at(first->content, 0), kOid))
    return has_tag(second, 0x04) ? DerKind::encrypted_key : DerKind::public_key;
  return DerKind::certificate_like;
}

// A certificate, a CSR or a CRL. The message of the first that it is not tells most, as certificates are what people
// have.
Item decode_certificate_like(BytesView der) {
  const auto inner = value_at(first_value(der)->content, 0);
  const bool has_version = has_tag(value_at(inner->content, 0), 0xa0);
  const bool is_csr =
      !has_version && has_tag(value_at(inner->content, 0), kInteger) && has_tag(value_at(inner->content, 3), 0xa0);
  if (is_csr) return pki::Csr::parse(der);
  std::string problem;
  try {
    return pki::Certificate::parse(der);
  } catch (const Error& error) {
    if (has_version) throw;
    problem = error.message();
  }
  try {
    return pki::Crl::parse(der);
  } catch (const Error&) {
    throw Error(Fault::invalid, problem);
  }
}

std::vector<Item> decode_der(BytesView der, std::string& form, const AskPassword& ask) {
  std::vector<Item> items;
  form = "DER";
  switch (kind_of(der)) {
    case DerKind::pkcs12:
      form = "PKCS#12";
      return decode_pkcs12(der, ask);
    case DerKind::key:
      items.push_back(decode_key(base::Secret(der), false, "private key", ask));
      break;
    case DerKind::encrypted_key: {
      std::string text = pki::pem("ENCRYPTED PRIVATE KEY", der);
      items.push_back(decode_key(base::Secret::take(text), true, "encrypted private key", ask));
      break;
    }
    case DerKind::public_key:
      items.push_back(Undecoded{fmt::format("public key, {}", pki::summarise_public_key(der).text), ""});
      break;
    case DerKind::pkcs7:
      return decode_as_walked(der, form, ask);
    case DerKind::certificate_like:
      items.push_back(decode_certificate_like(der));
      break;
    case DerKind::unknown:
      throw Error(Fault::invalid, "it is DER of a kind that Everseal does not know");
  }
  if (const auto* undecoded = std::get_if<Undecoded>(&items.front());
      undecoded != nullptr && !undecoded->problem.empty()) {
    throw Error(Fault::invalid, undecoded->problem);
  }
  return items;
}

Item decode_block(const pki::PemBlock& block, const AskPassword& ask) {
  const std::string label = base::printable(block.label);
  try {
    if (block.label == "CERTIFICATE" || block.label == "X509 CERTIFICATE" || block.label == "TRUSTED CERTIFICATE")
      return pki::Certificate::parse(block.der);
    if (block.label == "CERTIFICATE REQUEST" || block.label == "NEW CERTIFICATE REQUEST")
      return pki::Csr::parse(block.der);
    if (block.label == "X509 CRL") return pki::Crl::parse(block.der);
    if (block.label == "PUBLIC KEY")
      return Undecoded{fmt::format("{}, {}", label, base::printable(pki::summarise_public_key(block.der).text)), ""};
  } catch (const Error& error) {
    return Undecoded{label, error.message()};
  }
  if (!block.label.ends_with("PRIVATE KEY")) return Undecoded{label, ""};
  if (block.der.empty()) return FoundKey{std::nullopt, "encrypted"};
  std::string text = pki::pem(block.label, block.der);
  return decode_key(base::Secret::take(text), block.label == "ENCRYPTED PRIVATE KEY", label, ask);
}

// What people see who opened the wrong file.
std::string resemblance(BytesView bytes) {
  if (std::ranges::all_of(bytes, [](std::uint8_t octet) { return octet == 0; }))
    return fmt::format("{} octets of zero", bytes.size());
  const bool text = std::ranges::all_of(
      bytes, [](std::uint8_t octet) { return octet >= 0x20 || octet == '\n' || octet == '\r' || octet == '\t'; });
  return text && base::is_utf8(base::as_text(bytes)) ? "text without a PEM block" : "binary data";
}

std::vector<Item> decode(BytesView bytes, std::string& form, const AskPassword& ask) {
  if (bytes.empty()) throw Error(Fault::invalid, "it is empty");
  const std::string_view text = base::as_text(bytes);
  if (text.find("-----BEGIN ") != std::string_view::npos) {
    form = "PEM";
    std::vector<Item> items;
    for (const pki::PemBlock& block : pki::parse_pem(text)) {
      std::string its_form;
      if (block.label == "PKCS7" || block.label == "CMS")
        std::ranges::move(decode_as_walked(block.der, its_form, ask), std::back_inserter(items));
      else
        items.push_back(decode_block(block, ask));
    }
    if (items.empty()) throw Error(Fault::invalid, "it holds no complete PEM block");
    const auto* only = items.size() == 1 ? std::get_if<Undecoded>(&items.front()) : nullptr;
    if (only != nullptr && !only->problem.empty()) throw Error(Fault::invalid, only->problem);
    return items;
  }
  const auto outer = first_value(bytes);
  if (!has_tag(outer, kSequence) && discover::begins_container(bytes)) {
    std::vector<Item> items = decode_as_walked(bytes, form, ask);
    if (!items.empty()) return items;
  }
  if (!has_tag(outer, kSequence)) {
    throw Error(Fault::invalid, fmt::format("it is {}", resemblance(bytes)),
                "certificates, requests, keys and CRLs come as PEM or DER, or together as PKCS#12, PKCS#7 or JKS");
  }
  if (outer->announced > outer->content.size()) {
    throw Error(Fault::invalid, fmt::format("it is cut off: its head announces {} octets of content and {} are there",
                                            outer->announced, outer->content.size()));
  }
  return decode_der(bytes, form, ask);
}

}  // namespace

std::vector<pki::Certificate> Contents::certificates() const {
  std::vector<pki::Certificate> found;
  for (const Item& item : items) {
    if (const auto* certificate = std::get_if<pki::Certificate>(&item)) found.push_back(*certificate);
  }
  return found;
}

Contents inspect_file(const std::string& path, const AskPassword& ask) {
  Contents contents;
  contents.source = path == "-" ? "standard input" : base::printable(path);
  const Wiped read{read_bounded(path)};
  contents.items = base::within(fmt::format("cannot decode {}", contents.source),
                                [&] { return decode(read.bytes, contents.form, ask); });
  return contents;
}

}  // namespace everseal::cli
