#include "pki/pem.h"

#include "base/error.h"
#include "base/text.h"

#include <optional>
#include <utility>
#include <variant>

#include <fmt/format.h>
#include <openssl/evp.h>

namespace everseal::pki {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----";
constexpr std::size_t kOctetsPerLine = 48;

// Lines of a text, whatever ends them (RFC 7468 section 3: CRLF, CR or LF), with where each lies.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}

  bool next() {
    if (next_ >= text_.size()) return false;
    start_ = next_;
    const std::size_t end = text_.find_first_of("\r\n", start_);
    const std::size_t length = (end == std::string_view::npos ? text_.size() : end) - start_;
    line_ = text_.substr(start_, length);
    next_ = start_ + length + 1;
    if (end != std::string_view::npos && text_[end] == '\r' && end + 1 < text_.size() && text_[end + 1] == '\n')
      ++next_;
    ++number_;
    return true;
  }

  std::string_view trimmed() const { return base::trim(line_); }
  std::size_t start() const noexcept { return start_; }
  std::size_t after() const noexcept { return next_ < text_.size() ? next_ : text_.size(); }
  int number() const noexcept { return number_; }

 private:
  std::string_view text_;
  std::string_view line_;
  std::size_t start_ = 0;
  std::size_t next_ = 0;
  int number_ = 0;
};

// The label of a BEGIN or END line (RFC 7468 section 3); nullopt where the line is damaged. Where a key lost its line
// breaks, what stands between the dashes is the key: labels are shown to people, so nothing is one that could hold it.
std::optional<std::string> label_of(std::string_view line, std::string_view opening) {
  constexpr std::size_t kLongestWord = 16;
  line.remove_prefix(opening.size());
  if (!line.ends_with(kDashes) || line.size() == kDashes.size()) return std::nullopt;
  line.remove_suffix(kDashes.size());
  if (line.find("--") != std::string_view::npos) return std::nullopt;
  std::size_t word = 0;
  for (const char c : line) {
    word = c == ' ' ? 0 : word + 1;
    if (word > kLongestWord) return std::nullopt;
  }
  return std::string(line);
}

// Reads from the BEGIN line, which is `lines`' present one, up to and with the END line; up to the next BEGIN line
// where there is none.
std::variant<PemBlock, PemFault> read_block(Lines& lines, std::string_view text) {
  const int first = lines.number();
  const std::string_view begin = lines.trimmed();
  const auto fault = [&](int line, std::string why, bool is_cut = false) {
    const std::string_view label = begin.substr(kBegin.size());
    return PemFault{std::string(label.substr(0, label.find('-'))), line, std::move(why), is_cut};
  };
  constexpr std::string_view kDamaged =
      "the BEGIN or END line is damaged: it stands alone, as -----BEGIN CERTIFICATE-----";
  std::optional<std::string> label = label_of(begin, kBegin);
  if (!label) return fault(first, std::string(kDamaged));
  PemBlock block;
  block.label = std::move(*label);
  const std::string shown = base::printable(block.label);
  std::size_t body = lines.after();
  bool may_be_header = true;
  bool encrypted = false;
  bool is_cut = true;
  for (Lines before = lines; lines.next(); before = lines) {
    const std::string_view line = lines.trimmed();
    if (line.starts_with(kBegin)) {
      lines = before;  // it begins a block of its own
      is_cut = false;
      break;
    }
    if (line.starts_with(kEnd)) {
      const std::optional<std::string> end = label_of(line, kEnd);
      if (!end) return fault(lines.number(), std::string(kDamaged));
      if (*end != block.label)
        return fault(lines.number(), fmt::format("the END label differs from \"{}\" in line {}", shown, first));
      if (encrypted) return block;
      std::optional<base::Bytes> der = base::from_base64(text.substr(body, lines.start() - body));
      if (!der) return fault(first, fmt::format("the base64 of \"{}\" is broken", shown));
      if (der->empty()) return fault(first, fmt::format("\"{}\" is empty", shown));
      block.der = std::move(*der);
      return block;
    }
    // RFC 1421 headers stand before a blank line; base64 has no colon.
    if (may_be_header && line.find(':') != std::string_view::npos) {
      if (line.starts_with("Proc-Type:") && line.find("ENCRYPTED") != std::string_view::npos) encrypted = true;
      body = lines.after();
    } else if (!line.empty()) {
      may_be_header = false;
    }
  }
  return fault(first, fmt::format("\"{}\" is not closed by an END line", shown), is_cut);
}

}  // namespace

PemBlock& PemBlock::operator=(PemBlock&& other) noexcept {
  std::swap(label, other.label);
  std::swap(der, other.der);
  return *this;
}

PemBlock::~PemBlock() {
  if (label.find("PRIVATE KEY") != std::string::npos) base::wipe(der.data(), der.size());
}

void scan_pem(std::string_view text, const std::function<void(PemBlock&&)>& see,
              const std::function<void(const PemFault&)>& see_fault) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Lines lines(text);
  while (lines.next()) {
    if (!lines.trimmed().starts_with(kBegin)) continue;
    std::variant<PemBlock, PemFault> part = read_block(lines, text);
    if (PemBlock* const block = std::get_if<PemBlock>(&part))
      see(std::move(*block));
    else
      see_fault(std::get<PemFault>(part));
  }
}

std::vector<PemBlock> parse_pem(std::string_view text) {
  std::vector<PemBlock> blocks;
  scan_pem(
      text, [&](PemBlock&& block) { blocks.push_back(std::move(block)); },
      [](const PemFault& fault) {
        throw base::Error(base::Fault::invalid, fmt::format("PEM line {}: {}", fault.line, fault.why),
                          "check that the file was not cut or changed on its way");
      });
  return blocks;
}

std::string pem(std::string_view label, base::BytesView der) {
  const std::size_t full_lines = der.size() / kOctetsPerLine;
  const std::size_t rest = der.size() % kOctetsPerLine;
  const std::size_t body = full_lines * 65 + (rest == 0 ? 0 : (rest + 2) / 3 * 4 + 1);
  std::string text;
  // Exactly once, with room for the NUL that EVP_EncodeBlock appends: no copy of a key is left in a buffer outgrown.
  text.reserve(2 * (label.size() + kDashes.size()) + kBegin.size() + kEnd.size() + 2 + body + 1);
  text.append(kBegin).append(label).append(kDashes).append("\n");
  for (std::size_t at = 0; at < der.size(); at += kOctetsPerLine) {
    const base::BytesView octets = der.subspan(at, std::min(kOctetsPerLine, der.size() - at));
    const std::size_t start = text.size();
    text.resize(start + (octets.size() + 2) / 3 * 4 + 1);
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data() + start), octets.data(),
                    static_cast<int>(octets.size()));
    text.back() = '\n';
  }
  text.append(kEnd).append(label).append(kDashes).append("\n");
  return text;
}

bool looks_like_der(base::BytesView file) noexcept { return file.size() >= 2 && file[0] == 0x30 && file[1] >= 0x80; }

}  // namespace everseal::pki
