"""Words of the report, in English and Chinese."""

from typing import Final

__all__ = ["CHECK", "WORDS"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "title": ("Evidence report", "图片比对证据报告"),
    "lead-copy": (
        "The examined picture shows registered work {n}, {title}, of {owner}.",
        "待查图片与登记作品 {n}“{title}”（权利人：{owner}）为同一作品。",
    ),
    "lead-edited": (
        "The examined picture was made from registered work {n}, {title}, of {owner}.",
        "待查图片由登记作品 {n}“{title}”（权利人：{owner}）改制而成。",
    ),
    "lead-different": (
        "Nothing shows that the examined picture was made from registered work {n}, {title}, of {owner}.",
        "未发现待查图片由登记作品 {n}“{title}”（权利人：{owner}）改制而成的迹象。",
    ),
    "summary": ("In short", "摘要"),
    "verdict": ("Finding", "结论"),
    "edits": ("What was done to the work", "对原作品的改动"),
    "chance": ("Chance that it is a copy", "为副本的可能性"),
    "chance-value": ("{chance}; from 50% on, a copy is likelier than not", "{chance}；达到 50% 即更可能是副本"),
    "made": ("Report made at", "报告生成时间"),
    "pictures": ("The two pictures", "两张图片"),
    "suspect-caption": ("A: the examined picture, {name}", "A：待查图片，{name}"),
    "original-caption": ("B: the registered work, {name}", "B：登记作品，{name}"),
    "agree": ("Where they agree and differ", "相同与不同之处"),
    "agree-text": (
        "The pink outline marks the part of each picture that the other shows. Below, A is turned, scaled and moved so "
        "that it lies on B; what only B shows is pale. Red marks places that differ after colours were matched. "
        "Unrelated pictures cannot be laid on each other like this.",
        "粉色线框标出两图互相对应的部分。下方把 A 旋转、缩放并移动，使其对齐到 B；仅 B 可见的部分颜色较浅。"
        "红色表示校正颜色后仍然不同的地方。互不相干的图片无法这样对齐。",
    ),
    "drawing-caption": ("Drawn from the two files by Yunmeng {version}", "由 Yunmeng {version} 根据两个文件绘制"),
    "measures": ("Measures", "测量值"),
    "inliers": ("Details that match in position", "位置一致的特征点"),
    "inliers-value": ("{n}; unrelated pictures have hardly any", "{n} 个；互不相干的图片几乎没有"),
    "shows": ("Share of the work that the picture shows", "待查图片可见的原作品面积"),
    "takes": ("Share of the picture that the work takes up", "原作品占待查图片的面积"),
    "phash": ("Perceptual hash pHash, bits that differ", "感知哈希 pHash，不同的位数"),
    "phash-value": ("{n} of 64; up to 10: the same picture as a rule", "64 位中的 {n} 位；不超过 10 位通常为同一图片"),
    "pdq": ("Perceptual hash PDQ, bits that differ", "感知哈希 PDQ，不同的位数"),
    "pdq-value": ("{n} of 256; up to 31: the same picture as a rule", "256 位中的 {n} 位；不超过 31 位通常为同一图片"),
    "hash-note": (
        "These hashes hold under compression and scaling only. A picture that was cut, turned or framed differs much.",
        "这两种哈希只能抵抗压缩和缩放；裁剪、旋转或加边框后会相差很大。",
    ),
    "similarity": ("Similarity by the network {encoder}", "神经网络 {encoder} 的相似度"),
    "similarity-value": ("{score} of 1", "{score}（满分 1）"),
    "file": ("The examined file", "待查文件"),
    "name": ("Name or address", "名称或网址"),
    "sha256": ("SHA-256 of the file", "文件的 SHA-256"),
    "size": ("Size", "大小"),
    "size-value": (
        "{width} × {height} pixels, {bytes} bytes, {format}",
        "{width} × {height} 像素，{bytes} 字节，{format}",
    ),
    "work": ("The registered work", "登记作品"),
    "number": ("Number", "编号"),
    "owner": ("Owner", "权利人"),
    "work-title": ("Title", "标题"),
    "licence": ("Licence", "许可"),
    "date": ("Date of the work", "创作日期"),
    "notes": ("Notes", "备注"),
    "registered": ("Registered at", "登记时间"),
    "vector": ("SHA-256 of its vector", "特征向量的 SHA-256"),
    "entry-registration": ("Entry {n}: registered", "条目 {n}：登记"),
    "entry-correction": ("Entry {n}: details corrected", "条目 {n}：更正"),
    "entry-withdrawal": ("Entry {n}: withdrawn", "条目 {n}：撤回"),
    "entry-value": ("{time}, hash {hash}", "{time}，哈希 {hash}"),
    "register": ("The register", "登记簿"),
    "register-text": (
        "Works are entered in a register that only grows. Each entry holds the hash of the one before it, and all of "
        "them are leaves of a Merkle tree (RFC 6962). Whoever changes, removes or swaps an entry changes the root.",
        "作品登记在只增不减的登记簿中。每个条目含有前一条目的哈希，全部条目构成一棵 Merkle 树（RFC 6962）；"
        "更改、删除或调换任何条目都会使树根改变。",
    ),
    "sound": (
        "For this report the register was recomputed: all {n} entries are as they were entered.",
        "生成本报告时重新计算了登记簿：全部 {n} 个条目均与登记时一致。",
    ),
    "touched": (
        "For this report the register was recomputed, and it was touched. Do not rely on it: {problems}.",
        "生成本报告时重新计算了登记簿，发现它被改动过，不应采信：{problems}。",
    ),
    "size-of-tree": ("Entries in the tree", "树中的条目数"),
    "root": ("Root of the tree", "树根"),
    "leaf": ("Hash of the work's entry", "该作品条目的哈希"),
    "stamp": ("Time stamp (RFC 3161)", "可信时间戳（RFC 3161）"),
    "stamp-value": ("{time}, by {authority}", "{time}，由 {authority} 签发"),
    "no-stamp": (
        "none: the times are those of the owner's own clock",
        "无：以上时间取自登记者自己的时钟",
    ),
    "check": ("How to check this report", "如何核验本报告"),
    "check-suspect": (
        "Compute the SHA-256 of the examined file (sha256sum FILE). It must be the one above.",
        "计算待查文件的 SHA-256（sha256sum 文件），应与上文一致。",
    ),
    "check-original": (
        "Compute the SHA-256 of the owner's file of the work. It must be the one in the entry.",
        "计算权利人所持原作品文件的 SHA-256，应与条目中的一致。",
    ),
    "check-proof": (
        "Save the proof below as proof.json and run the program below it in Python: it prints True where the entry is "
        "in the tree with the root above. It needs nothing of Yunmeng. `yunmeng copyright prove {n} proof.json` writes "
        "the same file, with the time stamp if there is one.",
        "将下面的证明存为 proof.json，并用 Python 运行其下的程序：若条目确在上述树根之下，则输出 True。"
        "该程序不依赖 Yunmeng。命令 yunmeng copyright prove {n} proof.json 写出同一文件，并附时间戳（如有）。",
    ),
    "check-root": (
        "Compare the root with one that was kept elsewhere at an earlier time, or that the time stamp confirms.",
        "将树根与早先另行保存的树根比对，或由时间戳确认。",
    ),
    "limits": ("What this report does not say", "本报告不能证明什么"),
    "limits-text": (
        "The register shows what was entered and, with a time stamp, that it existed then. It does not show that the "
        "person who entered the work made it, nor whether a use is lawful. The finding is that of a program: "
        "look at the pictures.",
        "登记簿证明登记了什么；有时间戳时，还证明当时已经存在。它不证明登记者就是作者，也不判断使用是否合法。"
        "结论由程序得出，请同时查看图片。",
    ),
    "foot": (
        "Evidence report · work {n} · {time} · Yunmeng {version}",
        "证据报告 · 作品 {n} · {time} · Yunmeng {version}",
    ),
}

CHECK: Final = """\
import hashlib, json
H = lambda data: hashlib.sha256(data).digest()
proof = json.load(open("proof.json", encoding="utf-8"))
text = json.dumps(proof["entry"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
node, at, last = H(b"\\0" + text.encode()), proof["leaf_index"], proof["tree"]["size"] - 1
for other in map(bytes.fromhex, proof["path"]):
    while last and at == last and at % 2 == 0:
        at, last = at // 2, last // 2
    node = H(b"\\1" + (other + node if at % 2 else node + other))
    at, last = at // 2, last // 2
print(node.hex() == proof["tree"]["root"])
"""
"""Checks a proof; docs/copyright.md explains it."""
