//! Checks that name the field.

use foodflow_domain::Quantity;
use foodflow_domain::food_graph::facts::{DocumentReference, Item, LotQuantity};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::FieldError;

/// Most characters of a name, number or code.
pub const NAME_CHARS_MAX: usize = 255;
/// Most characters of a reason or address.
pub const TEXT_CHARS_MAX: usize = 2_000;
/// Most elements of a list of ids, words or documents.
pub const LIST_LENGTH_MAX: usize = 300;
/// Most things that are told to be wrong with one body.
pub const ERRORS_MAX: usize = 100;
/// Earliest year of an event time or date; earlier ones are slips of the keyboard.
pub const YEAR_MIN: i16 = 1900;

/// Collects what is wrong with a body.
#[derive(Debug, Default)]
pub struct Checks {
    errors: Vec<FieldError>,
}

impl Checks {
    /// Notes something that is wrong.
    pub fn add(&mut self, pointer: &str, detail: impl Into<String>) {
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(FieldError { pointer: pointer.to_owned(), detail: detail.into() });
        }
    }

    /// `value` where nothing was wrong.
    ///
    /// # Errors
    /// All that was wrong.
    pub fn finish<T>(self, value: T) -> Result<T, Vec<FieldError>> {
        if self.errors.is_empty() { Ok(value) } else { Err(self.errors) }
    }

    fn text(&mut self, pointer: &str, text: &str, chars_max: usize) {
        let chars = text.chars().count();
        if text.trim().is_empty() {
            self.add(pointer, "must not be empty");
        } else if chars > chars_max {
            self.add(pointer, format!("{chars} characters, at most {chars_max}"));
        } else if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            self.add(pointer, "must not contain control characters");
        }
    }

    /// A name, number or code: 1 to [`NAME_CHARS_MAX`] characters.
    pub fn name(&mut self, pointer: &str, text: &str) {
        self.text(pointer, text, NAME_CHARS_MAX);
    }

    /// A name where one is given.
    pub fn optional_name(&mut self, pointer: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.name(pointer, text);
        }
    }

    /// A sentence: 1 to [`TEXT_CHARS_MAX`] characters.
    pub fn sentence(&mut self, pointer: &str, text: &str) {
        self.text(pointer, text, TEXT_CHARS_MAX);
    }

    /// At most [`LIST_LENGTH_MAX`] names, each once.
    pub fn names(&mut self, pointer: &str, names: &[String]) {
        self.length(pointer, names.len(), 0);
        for (index, name) in names.iter().take(LIST_LENGTH_MAX).enumerate() {
            let pointer = format!("{pointer}/{index}");
            self.name(&pointer, name);
            if names[..index].contains(name) {
                self.add(&pointer, format!("`{name}` stands twice in the list"));
            }
        }
    }

    /// At most [`LIST_LENGTH_MAX`] ids, each once.
    pub fn ids(&mut self, pointer: &str, ids: &[Uuid]) {
        self.length(pointer, ids.len(), 0);
        for (index, id) in ids.iter().take(LIST_LENGTH_MAX).enumerate() {
            if ids[..index].contains(id) {
                self.add(&format!("{pointer}/{index}"), format!("{id} stands twice in the list"));
            }
        }
    }

    /// The length of a list: `least` to [`LIST_LENGTH_MAX`].
    pub fn length(&mut self, pointer: &str, length: usize, least: usize) {
        if length < least {
            self.add(pointer, format!("at least {least}"));
        } else if length > LIST_LENGTH_MAX {
            self.add(pointer, format!("{length} elements, at most {LIST_LENGTH_MAX}"));
        }
    }

    /// An amount above zero.
    pub fn positive(&mut self, pointer: &str, quantity: Quantity) {
        if quantity.value <= Decimal::ZERO {
            self.add(&format!("{pointer}/value"), "must be greater than 0");
        }
    }

    /// An amount of zero or more.
    pub fn not_negative(&mut self, pointer: &str, quantity: Quantity) {
        if quantity.value < Decimal::ZERO {
            self.add(&format!("{pointer}/value"), "must not be negative");
        }
    }

    /// A percentage: above 0 to 100.
    pub fn percent(&mut self, pointer: &str, percent: Decimal) {
        if percent <= Decimal::ZERO || percent > Decimal::ONE_HUNDRED {
            self.add(pointer, "must be greater than 0 and at most 100");
        }
    }

    /// An event time of a sensible year.
    pub fn instant(&mut self, pointer: &str, instant: Timestamp) {
        let year = jiff::tz::Offset::UTC.to_datetime(instant).year();
        if year < YEAR_MIN {
            self.add(pointer, format!("the year {year} is before {YEAR_MIN}"));
        }
    }

    /// A date of a sensible year, where one is given.
    pub fn date(&mut self, pointer: &str, date: Option<Date>) {
        if let Some(date) = date.filter(|date| date.year() < YEAR_MIN) {
            self.add(pointer, format!("the year {} is before {YEAR_MIN}", date.year()));
        }
    }

    /// Production before expiry.
    pub fn dates(&mut self, pointer: &str, production: Option<Date>, expiry: Option<Date>) {
        self.date(&format!("{pointer}/production_date"), production);
        self.date(&format!("{pointer}/expiry_date"), expiry);
        if let (Some(production), Some(expiry)) = (production, expiry)
            && expiry < production
        {
            self.add(&format!("{pointer}/expiry_date"), "lies before the production date");
        }
    }

    /// Reference documents.
    pub fn documents(&mut self, pointer: &str, documents: &[DocumentReference]) {
        self.length(pointer, documents.len(), 0);
        for (index, document) in documents.iter().enumerate() {
            self.name(&format!("{pointer}/{index}/type"), &document.document_type);
            self.name(&format!("{pointer}/{index}/number"), &document.number);
        }
    }

    /// Amounts of lots: at least one, each above zero.
    pub fn lots(&mut self, pointer: &str, lines: &[LotQuantity]) {
        self.length(pointer, lines.len(), 1);
        for (index, line) in lines.iter().enumerate() {
            self.positive(&format!("{pointer}/{index}/quantity"), line.quantity);
        }
    }

    /// What a lot is a lot of: exactly one of the two.
    pub fn item(
        &mut self,
        pointer: &str,
        ingredient_id: Option<Uuid>,
        product_id: Option<Uuid>,
    ) -> Option<Item> {
        match (ingredient_id, product_id) {
            (Some(id), None) => Some(Item::Ingredient(id.into())),
            (None, Some(id)) => Some(Item::Product(id.into())),
            (Some(_), Some(_)) => {
                self.add(&format!("{pointer}/product_id"), "give `ingredient_id` or `product_id`, not both");
                None
            }
            (None, None) => {
                self.add(&format!("{pointer}/ingredient_id"), "give `ingredient_id` or `product_id`");
                None
            }
        }
    }
}
