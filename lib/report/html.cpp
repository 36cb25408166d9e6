#include "report/html.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::report {

std::string html_time(base::Time time) {
  const std::string text = base::format_time(time);
  return fmt::format("<time datetime=\"{}\">{}</time>", text, text.substr(0, text.find('T')));
}

std::string html_badge(std::string_view severity_class, std::string_view text) {
  return fmt::format("<span class=\"badge {}\">{}</span>", severity_class, text);
}

std::string html_shares(std::string_view caption, std::string_view what, std::string_view counted,
                        const std::vector<Share>& shares) {
  if (shares.empty()) return {};
  const std::int64_t most = std::max<std::int64_t>(std::ranges::max(shares, {}, &Share::count).count, 1);
  std::string out = fmt::format(
      "<table class=\"chart\"><caption>{}</caption><thead><tr><th scope=\"col\">{}</th><th scope=\"col\" "
      "class=\"number\">{}</th><td></td></tr></thead><tbody>\n",
      caption, what, counted);
  for (const Share& share : shares)
    out += fmt::format("<tr><th scope=\"row\">{}</th><td class=\"number\">{}</td><td class=\"share\">{}</td></tr>\n",
                       share.label, share.count,
                       share.count == 0
                           ? std::string()
                           : fmt::format("<span style=\"width:{:.1f}%\"></span>",
                                         100.0 * static_cast<double>(share.count) / static_cast<double>(most)));
  return out + "</tbody></table>\n";
}

std::string html_timeline(std::string_view caption, base::Time now, const std::vector<End>& ends) {
  if (ends.empty()) return {};
  constexpr double kWidth = 360, kRow = 30, kTop = 20;
  constexpr int kTicks = 3;
  const base::Time last = std::max(ends.back().time, now + base::Seconds{86400});
  const auto span = static_cast<double>((last - now).count());
  const auto x_of = [&](base::Time time) {
    return std::clamp(kWidth * static_cast<double>((time - now).count()) / span, 0.0, kWidth);
  };
  const double bottom = kTop + kRow * static_cast<double>(ends.size());
  std::string out = fmt::format(
      "<figure><figcaption>{0}</figcaption><svg viewBox=\"0 0 {1} {2}\" role=\"img\" "
      "aria-label=\"{0}: {3} bars; the table of places has the same dates\">\n",
      caption, kWidth, bottom + 6, ends.size());
  for (int i = 0; i <= kTicks; ++i) {
    const base::Time tick = now + base::Seconds{static_cast<std::int64_t>(span * i / kTicks)};
    const double x = x_of(tick);
    out += fmt::format(
        "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"14\" y2=\"{1:.1f}\"/><text class=\"quiet\" x=\"{0:.1f}\" y=\"10\" "
        "text-anchor=\"{2}\">{3}</text>\n",
        x, bottom,
        i == 0        ? "start"
        : i == kTicks ? "end"
                      : "middle",
        i == 0 ? "now" : base::format_time(tick).substr(0, 10));
  }
  double y = kTop;
  for (const End& end : ends) {
    out += fmt::format(
        "<g class=\"{}\"><text x=\"2\" y=\"{:.1f}\">{}, {}</text><rect x=\"0\" y=\"{:.1f}\" width=\"{:.1f}\" "
        "height=\"8\" rx=\"2\"/></g>\n",
        end.severity_class, y + 11, end.label, end.left, y + 16, std::max(3.0, x_of(end.time)));
    y += kRow;
  }
  return out + "</svg></figure>\n";
}

}  // namespace everseal::report
