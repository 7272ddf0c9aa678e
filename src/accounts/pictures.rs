//! Pictures of people: taken as a file, kept as a small square JPEG without anything else that was in the file.

use std::borrow::Cow;
use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageFormat, ImageReader, Limits as Bounds, imageops};
use serde_json::json;

use super::model::Refusal;
use super::{Accounts, no_account, refused, to_the_end};
use crate::error::{Error, Result};
use crate::ids::{PictureId, UserId, new_id};
use crate::protocol::events;

/// Length of a side of what is kept, in pixels: twice the largest place where it is shown.
const SIDE_MAX: u32 = 512;
/// JPEG quality of what is kept.
const QUALITY: u8 = 85;
/// Bytes of a decoded picture for each pixel it may have: four channels of 8 bits. Of pictures with 16 bits a channel
/// half as many pixels are taken.
const BYTES_PER_PIXEL: u64 = 4;
/// Pictures that may wait for each one that is being decoded.
pub(super) const WAITING_PER_DECODE: usize = 4;

impl Accounts {
    /// Makes an uploaded file a person's picture, in the place of the former one; all their devices hear of it.
    ///
    /// # Errors
    /// `bad_request` with `fields` for what is no JPEG, PNG or WebP picture, has too many pixels or is broken;
    /// `overloaded` when too many pictures wait.
    pub async fn set_picture(&self, user: UserId, file: Bytes) -> Result<()> {
        let pixels_max = self.inner.limits.picture_pixels_max;
        // What can be refused without work is refused without waiting for it.
        let format = known_format(&file).map_err(|detail| refuse(&detail))?;
        let crowded = "Too many pictures are being uploaded. Try again in a moment.";
        let jpeg = self.inner.decodes.run(crowded, move || recode(&file, format, pixels_max)).await?;
        let jpeg = jpeg.map_err(|detail| refuse(&detail))?;
        let id = PictureId(new_id());
        self.change_picture(user, Some((id, jpeg))).await?;
        tracing::info!(user.id = %user, picture.id = %id, "picture uploaded");
        Ok(())
    }

    /// Takes a person's picture away. None is no error.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn remove_picture(&self, user: UserId) -> Result<()> {
        self.change_picture(user, None).await
    }

    /// A picture, for its owner and for everyone who shares or shared a chat with them.
    ///
    /// # Errors
    /// `not_found` for all others, as for a picture that is no more.
    pub async fn picture(&self, viewer: UserId, picture: PictureId) -> Result<Bytes> {
        let jpeg = self.inner.store.picture(picture, viewer).await?;
        jpeg.map(Bytes::from).ok_or_else(|| no_account("There is no such picture."))
    }

    async fn change_picture(&self, user: UserId, picture: Option<(PictureId, Vec<u8>)>) -> Result<()> {
        let inner = Arc::clone(&self.inner);
        to_the_end(&self.inner.supervisor, "picture changed", async move {
            let now = inner.clock.now();
            inner
                .committer
                .run(move |tx| {
                    Box::pin(async move {
                        if tx.set_picture(user, picture, now).await? {
                            tx.emit_user(user, "profile", json!(events::Profile {}), now).await?;
                        }
                        Ok(())
                    })
                })
                .await
        })
        .await
    }
}

fn refuse(detail: &str) -> Error {
    refused(&[Refusal::new("picture", detail)])
}

/// What a file is, by its first bytes; what its sender calls it does not matter.
fn known_format(file: &[u8]) -> std::result::Result<ImageFormat, String> {
    if file.is_empty() {
        return Err("The file is empty. Choose another picture.".to_owned());
    }
    let format = image::guess_format(file).ok();
    let known = |format: &ImageFormat| matches!(format, ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP);
    format.filter(known).ok_or_else(|| "Choose a JPEG, PNG or WebP picture.".to_owned())
}

/// A PNG with the chunks alone that its pixels need: profiles and texts are thrown away anyway, and may be packed a
/// thousandfold. None when it is cut short.
pub(super) fn critical_chunks(png: &[u8]) -> Option<Vec<u8>> {
    let (signature, mut rest) = png.split_at_checked(8)?;
    let mut kept = signature.to_vec();
    loop {
        let (length, _) = rest.split_first_chunk::<4>()?;
        // Length, type, data, checksum.
        let whole = usize::try_from(u32::from_be_bytes(*length)).ok()?.checked_add(12)?;
        let (chunk, after) = rest.split_at_checked(whole)?;
        let kind = chunk.get(4..8)?;
        // An upper-case letter first means critical; transparency is neither, but seen.
        if kind.first()?.is_ascii_uppercase() || kind == b"tRNS" || kind == b"eXIf" {
            kept.extend_from_slice(chunk);
        }
        if kind == b"IEND" {
            return Some(kept);
        }
        rest = after;
    }
}

/// Whether a JPEG has its end after its last scan; its decoder would paint what is missing grey.
fn ends(jpeg: &[u8]) -> bool {
    // In packed pixels 0xff is followed by zero or a restart marker, so neither marker is found there.
    let last = |marker: u8| jpeg.windows(2).rposition(|pair| pair == [0xff, marker]);
    last(0xd9) > last(0xda)
}

/// The middle square of a picture as a small JPEG, upright, on white. Size is judged before anything is decoded.
fn recode(file: &[u8], format: ImageFormat, pixels_max: u32) -> std::result::Result<Vec<u8>, String> {
    let unreadable = || "This picture cannot be read. Save it anew, or choose another.".to_owned();
    let broken = |_| unreadable();
    let bytes_max = u64::from(pixels_max).saturating_mul(BYTES_PER_PIXEL);
    let mut bounds = Bounds::default();
    // What the decoder needs for itself beside the picture.
    bounds.max_alloc = Some(bytes_max.saturating_mul(2));
    let file = match format {
        ImageFormat::Png => Cow::Owned(critical_chunks(file).ok_or_else(unreadable)?),
        ImageFormat::Jpeg if !ends(file) => return Err(unreadable()),
        _ => Cow::Borrowed(file),
    };
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(bounds);
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    let megapixels = pixels_max / 1_000_000;
    if u64::from(width).saturating_mul(u64::from(height)) > u64::from(pixels_max) {
        return Err(format!("Choose a picture of at most {megapixels} megapixels."));
    }
    if decoder.total_bytes() > bytes_max {
        return Err(format!(
            "Save this picture with 8 bits a colour, or choose one of at most {} megapixels.",
            megapixels / 2
        ));
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let picture = DynamicImage::from_decoder(decoder).map_err(broken)?;
    let side = width.min(height);
    // A view: a second copy of a large picture would double what it takes.
    let square = imageops::crop_imm(&picture, (width - side) / 2, (height - side) / 2, side, side);
    let small = if side > SIDE_MAX { imageops::thumbnail(&*square, SIDE_MAX, SIDE_MAX) } else { square.to_image() };
    drop(picture);
    let mut small = DynamicImage::from(small);
    small.apply_orientation(orientation);
    let pixels = small.into_rgba8();
    let on_white: Vec<u8> = pixels
        .pixels()
        .flat_map(|pixel| {
            let [red, green, blue, alpha] = pixel.0;
            [red, green, blue].map(|colour| over_white(colour, alpha))
        })
        .collect();
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY)
        .encode(&on_white, pixels.width(), pixels.height(), ExtendedColorType::Rgb8)
        .map_err(broken)?;
    Ok(jpeg)
}

/// A colour as it looks through this alpha on white.
fn over_white(colour: u8, alpha: u8) -> u8 {
    let (colour, alpha) = (u16::from(colour), u16::from(alpha));
    u8::try_from((colour * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
}
