"""The look of the page in Gradio's own words: a paper-like ground, white cards, one accent.

What the theme cannot say is in page.css. Fonts are the reader's own, so that no request leaves the machine.
"""

import gradio as gr

SANS = ("ui-sans-serif", "system-ui", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif")
MONO = ("ui-monospace", "SF Mono", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")


def theme() -> gr.themes.Base:
    """Origin in indigo; the text and button colours are those that reach a contrast of 4.5 in both modes."""
    return gr.themes.Origin(primary_hue="indigo", neutral_hue="zinc", font=SANS, font_mono=MONO).set(
        body_background_fill="#faf9f7",
        body_background_fill_dark="#131318",
        body_text_color_subdued="*neutral_600",
        block_background_fill="white",
        block_background_fill_dark="#1c1c24",
        block_info_text_color="*neutral_600",
        block_label_text_color="*neutral_600",
        block_radius="12px",
        block_shadow="none",
        block_title_text_color="*body_text_color",
        block_title_text_weight="600",
        border_color_primary="#e7e5e1",
        border_color_primary_dark="#2e2e38",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_text_color="white",
        button_primary_background_fill_dark="*primary_700",
        button_primary_text_color_dark="white",
        button_primary_shadow="none",
        button_primary_shadow_hover="none",
        button_secondary_background_fill="white",
        button_secondary_background_fill_hover="*neutral_100",
        button_secondary_background_fill_dark="#26262f",
        button_secondary_background_fill_hover_dark="#33333e",
        button_secondary_border_color="*border_color_primary",
        button_secondary_border_color_dark="*border_color_primary",
        button_secondary_shadow="none",
        button_secondary_shadow_hover="none",
        button_cancel_background_fill="#b91c1c",
        button_cancel_background_fill_hover="#991b1b",
        button_cancel_text_color="white",
        button_cancel_background_fill_dark="#b91c1c",
        button_cancel_text_color_dark="white",
        color_accent_soft_dark="#26264a",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
        slider_color="*primary_700",
        slider_color_dark="*primary_400",
    )
